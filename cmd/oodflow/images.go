package main

import "github.com/spf13/cobra"

// sourceHelp explains SOURCE, for the help of every command that takes one.
const sourceHelp = `SOURCE, the images, is one of
  DIR                 a folder, searched recursively; subfolders are classes
  FILE.tar            the images in a tar archive, or .tar.gz, .tgz; several, as
                      WebDataset's shards, as s-{000..012}.tar or by their folder
  cifar10:PATH#train  CIFAR-10, or #test: the .tar.gz as downloaded or the folder in
                      it, of the binary or the Python version
  cifar100:PATH#test  CIFAR-100 likewise; #train-coarse and #test-coarse take the 20
                      groups for labels
  dtd:DIR#test1       Describable Textures, the images of labels/test1.txt
  imagenet:DIR        ImageNet's validation images, flat or in a folder per class,
                      with their ground truth: LOC_val_solution.csv (Kaggle),
                      val.txt (Caffe) or the devkit; imagenet:DIR#FOLDER names where
                      such files lie, if not in or beside DIR
  parquet:FILE        rows with the bytes of pictures, as Hugging Face's datasets
                      keep them; parquet:DIR#train is all files of a split
  svhn:FILE.mat       SVHN's cropped digits, as train_32x32.mat
  LIST.txt            a text file with a line for each image: path [label]
  -                   such a list on standard input
Images may be PNG, JPEG, GIF, WebP or BMP; of an animation, the first frame. A
folder's images come in the order of their names, those of a folder before those of
its subfolders; links are followed, names that begin with a dot left out. Archives
are read as they are, from front to back; a whole number in NAME.cls, or as "label"
in NAME.json, next to NAME.jpg is its label, and links are skipped. Paths in a list
start where the list lies, or at --root, OpenOOD's data_dir. --classes numbers the
labels: a file with a class name per line, or names with commas between them, in the
classifier's order. Without it a folder's subfolders are numbered in the order of
their names.`

// preprocessHelp explains --preprocess likewise.
const preprocessHelp = `Preprocessing has to be that of the classifier's training. --preprocess takes
  FILE.json            a Hugging Face preprocessor_config.json, or of a timm model
                       its config.json or pretrained_cfg
  imagenet, cifar10    the usual one of such classifiers
  torchvision:NAME     that of a torchvision model, torchvision:resnet50, or of its
                       weights, torchvision:ResNet50_Weights.IMAGENET1K_V1
Without the flag it is read from a file beside MODEL.onnx:
MODEL.preprocessor_config.json or preprocessor_config.json. A step that a file
asks for and that is not known is an error. Resizing is PIL's; "antialias": false
in a file makes it torch's without antialiasing. Layout and type of the input,
N×3×H×W or N×H×W×3, float32 or uint8, are the model's; one of uint8 is given the
pixels as they are, without scale, mean and std. As in torchvision, the EXIF
orientation of a photograph is not heeded, unless --exif asks for it. --fast-jpeg
saves memory over photographs of eight megapixels and more and, where libturbojpeg
is installed, time; their pixels then differ a little from PIL's. Both belong to the
preprocessing: what is given in extracting has to be given in scoring.`

// imageOptions are the flags of commands that run a classifier over images.
type imageOptions struct {
	model, images, preprocess string
	root, classes             string
	featureTensor, library    string
	engine                    choice
	batch, threads, workers   int
	limit                     int
	maxBad                    float64
	exif, fastJPEG            bool
	stats                     string
}

// imageFlags are the names of these flags.
var imageFlags = []string{"model", "images", "root", "classes", "preprocess", "exif", "fast-jpeg", "feature-tensor", "engine", "onnxruntime", "batch", "threads", "workers", "limit", "max-bad", "stats"}

// AddFlags defines the flags.
func (o *imageOptions) AddFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.model, "model", "", "the classifier: an ONNX `FILE`")
	completeFiles(cmd, "model", "onnx")
	f.StringVar(&o.images, "images", "", "the images: a `SOURCE`, see above")
	complete(cmd, "images", completeSource)
	f.StringVar(&o.root, "root", "", "relative paths in a list start at `DIR` (default: where the list lies)")
	complete(cmd, "root", completeFolders)
	f.StringVar(&o.classes, "classes", "", "number labels as `FILE|NAME,NAME,...` does: the classifier's class names in order")
	completeFiles(cmd, "classes", "txt")
	f.StringVar(&o.preprocess, "preprocess", "", "preprocess as `FILE|PRESET` says, see above")
	complete(cmd, "preprocess", completePreprocess)
	f.BoolVar(&o.exif, "exif", false, "turn images upright as their EXIF orientation says")
	f.BoolVar(&o.fastJPEG, "fast-jpeg", false, "decode JPEG pictures of 8 times the size needed, and more, at half their size")
	f.StringVar(&o.featureTensor, "feature-tensor", "", "take features from tensor `NAME` (default: found by itself)")
	addEngineFlag(cmd, &o.engine, "")
	addLibraryFlag(cmd, &o.library)
	f.IntVar(&o.batch, "batch", 0, "`N` images run at once (0: as suits the engine)")
	f.IntVar(&o.threads, "threads", 0, "`N` threads that run the classifier (0: all cores)")
	f.IntVar(&o.workers, "workers", 0, "`N` threads that decode images (0: all cores)")
	f.IntVar(&o.limit, "limit", 0, "take the first `N` images only (0: all)")
	f.Float64Var(&o.maxBad, "max-bad", 0.01, "fail when more than this `SHARE` of the images cannot be read")
	f.StringVar(&o.stats, "stats", "", "write how fast it went and where the time, as JSON, to `FILE`")
	completeFiles(cmd, "stats", "json")
	noFiles(cmd, "feature-tensor", "batch", "threads", "workers", "limit", "max-bad")
}

// addEngineFlag defines --engine. Its help begins with context.
func addEngineFlag(cmd *cobra.Command, engine *choice, context string) {
	*engine = choice{value: "auto", valid: []string{"auto", "onnxruntime", "gorgonia"}}
	addChoice(cmd, engine, "engine", context+"run the classifier with `ENGINE`: auto, onnxruntime or gorgonia")
}

// checkEngineFlags refuses a library for an engine that takes none.
func checkEngineFlags(engine choice, library string) error {
	if engine.value == "gorgonia" && library != "" {
		return usagef("--onnxruntime is of no use with --engine gorgonia")
	}
	return nil
}

// addLibraryFlag defines --onnxruntime.
func addLibraryFlag(cmd *cobra.Command, library *string) {
	cmd.Flags().StringVar(library, "onnxruntime", "", "ONNX Runtime's shared library `FILE` (default: $OODFLOW_ONNXRUNTIME, else searched for)")
	completeFiles(cmd, "onnxruntime", "so", "dylib", "dll")
}

// validate checks what can be checked without opening a file.
func (o *imageOptions) validate() error {
	for _, n := range []struct {
		flag  string
		value int
	}{{"batch", o.batch}, {"threads", o.threads}, {"workers", o.workers}, {"limit", o.limit}} {
		if n.value < 0 {
			return usagef("--%s %d: want 0 or more", n.flag, n.value)
		}
	}
	if !(o.maxBad >= 0 && o.maxBad <= 1) {
		return usagef("--max-bad %v: want a share from 0 to 1", o.maxBad)
	}
	return checkEngineFlags(o.engine, o.library)
}

// inputs are the paths that will be read, none of which may be the output.
func (o *imageOptions) inputs() []string {
	in := append(sourceFiles(o.images), o.model, o.library, o.classes, o.preprocess)
	if o.model != "" && o.preprocess == "" {
		if found, err := o.findPreprocess(); err == nil {
			in = append(in, found)
		}
	}
	return in
}
