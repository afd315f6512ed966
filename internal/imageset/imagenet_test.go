package imageset

import (
	"bytes"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// TestImageNet lays out the forms in which the validation images are kept. In
// all of them image 1 is a crane, 2 a kit fox and 3 a tench.
func TestImageNet(t *testing.T) {
	meta, plain := string(read(t, "testdata/imagenet/meta.mat")), string(read(t, "testdata/imagenet/meta_plain.mat"))
	const (
		flat    = "ILSVRC2012_val_0000000"
		words   = "n01440764 tench, Tinca tinca\nn02012849 crane\nn02119789\tkit fox, Vulpes macrotis\n"
		devkit  = "ILSVRC2012_devkit_t12/data/"
		numbers = "2\n1\n3\n"
		kaggle  = "ImageId,PredictionString\nILSVRC2012_val_00000003,n01440764 85 1 499 272 \nILSVRC2012_val_00000001,n02012849 1 2 3 4 n02012849 5 6 7 8\n" +
			"ILSVRC2012_val_00000002,n02119789 0 0 1 1\n"
	)
	images := func(below string) map[string]string {
		return map[string]string{below + flat + "1.JPEG": "", below + flat + "2.JPEG": "", below + flat + "3.JPEG": ""}
	}
	sorted := map[string]string{"n02012849/" + flat + "1.JPEG": "", "n02119789/" + flat + "2.JPEG": "", "n01440764/" + flat + "3.JPEG": ""}
	named := []string{"tench, Tinca tinca", "crane", "kit fox, Vulpes macrotis"}
	ids := []string{"n01440764", "n02012849", "n02119789"}
	for _, c := range []struct {
		name    string
		files   []map[string]string
		with    string
		classes []string
	}{
		{"devkit", []map[string]string{images("ILSVRC2012_img_val/"), {devkit + "meta.mat": meta, devkit + "ILSVRC2012_validation_ground_truth.txt": numbers}}, "", named},
		{"devkit elsewhere", []map[string]string{images("x/"), {"kit/data/meta.mat": plain, "kit/data/ILSVRC2012_validation_ground_truth.txt": numbers}}, "kit", named},
		{"kaggle", []map[string]string{images("ILSVRC/Data/CLS-LOC/val/"), {"LOC_val_solution.csv": kaggle, "LOC_synset_mapping.txt": words}}, "", named},
		{"kaggle without words", []map[string]string{images(""), {"LOC_val_solution.csv": kaggle}}, "", ids},
		{"caffe", []map[string]string{images("val/"), {"val.txt": flat + "1.JPEG 1\n" + flat + "2.JPEG 2\n" + flat + "3.JPEG 0\n", "synset_words.txt": words}}, "", named},
		{"tensorflow", []map[string]string{images("val/"), {"imagenet_2012_validation_synset_labels.txt": "n02012849\nn02119789\nn01440764\n", "synsets.txt": strings.Join(ids, "\n")}}, "", ids},
		{"sorted", []map[string]string{sorted}, "", ids},
		{"sorted with words", []map[string]string{sorted, {"synset_words.txt": words}}, "", named},
		{"sorted with the devkit", []map[string]string{sorted, {devkit + "meta.mat": meta}}, "", named},
	} {
		dir := t.TempDir()
		for _, files := range c.files {
			write(t, dir, files)
		}
		source := "imagenet:" + dir
		switch c.name {
		case "devkit elsewhere":
			source = "imagenet:" + dir + "/x#" + dir + "/kit"
		case "caffe":
			source += "/val"
		}
		src, err := Open(source)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if !reflect.DeepEqual(src.Classes(), c.classes) || src.Name() != source {
			t.Errorf("%s: classes %q, want %q; name %s", c.name, src.Classes(), c.classes, src.Name())
		}
		got := map[string]bool{}
		for _, image := range pass(t, src) {
			got[image[strings.LastIndexByte(image, '/')+1:]] = true
		}
		if want := map[string]bool{flat + "1.JPEG=1": true, flat + "2.JPEG=2": true, flat + "3.JPEG=0": true}; !reflect.DeepEqual(got, want) {
			t.Errorf("%s: images %v", c.name, got)
		}
	}
}

func TestImageNetRefuses(t *testing.T) {
	const image, truth = "ILSVRC2012_val_00000001.JPEG", "ILSVRC2012_validation_ground_truth.txt"
	for _, c := range []struct {
		files map[string]string
		want  string
	}{
		{map[string]string{"cat.png": ""}, "expected ImageNet's validation images"},
		{map[string]string{image: ""}, "no ground truth for the flat folder"},
		{map[string]string{image: "", truth: "1\n"}, "only meta.mat of the same devkit explains"},
		{map[string]string{image: "", truth: "1\n", "meta.mat": matlabHeader("\x00\x01IM")}, "no array of structs called synsets"},
		{map[string]string{image: "", truth: "9\n", "meta.mat": string(read(t, "testdata/imagenet/meta.mat"))}, "line 1: there is no class with ILSVRC2012_ID 9"},
		{map[string]string{image: "", truth: "one\n", "meta.mat": string(read(t, "testdata/imagenet/meta.mat"))}, "is no ILSVRC2012_ID"},
		{map[string]string{image: "", "val.txt": "a.png 1\n"}, "line 1: \"a.png 1\" is not as"},
		{map[string]string{image: "", "val.txt": "\n"}, "names no image"},
		{map[string]string{image: "", "val.txt": image + " 1\n", "synsets.txt": "n01440764\n"}, "image 1 has the class 1, which is not among the 1 class name"},
		{map[string]string{image: "", "LOC_val_solution.csv": "ImageId,x\nILSVRC2012_val_00000001,tench\n"}, "line 2: "},
		{map[string]string{image: "", "LOC_val_solution.csv": "ILSVRC2012_val_00000001,n01440764 1\n", "synsets.txt": "n02012849\n"}, "has the class n01440764"},
		{map[string]string{"n01440764/" + image: "", "synset_words.txt": "n02012849 crane\n"}, "folder n01440764 of"},
		{map[string]string{"n01440764/" + image: "", "synset_words.txt": "crane\n"}, "has no line as"},
		{map[string]string{image: "", "imagenet_2012_validation_synset_labels.txt": "crane\n"}, "is no id as"},
	} {
		dir := t.TempDir()
		write(t, dir, map[string]string{"d/": ""})
		write(t, filepath.Join(dir, "d"), c.files)
		if _, err := Open("imagenet:" + dir + "/d"); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want one with %q", err, c.want)
		}
	}
	if _, err := Open("imagenet:/nowhere"); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("no folder: %v", err)
	}
}

// TestMetaDamaged: a file cut anywhere is an error, and one with a byte changed
// at least no crash.
func TestMetaDamaged(t *testing.T) {
	for _, name := range []string{"meta.mat", "meta_plain.mat"} {
		whole := read(t, "testdata/imagenet/"+name)
		s, err := parseMeta(whole)
		if err != nil || len(s.names) != 3 || s.byID[2] != "n02012849" || s.names[2] != "kit fox, Vulpes macrotis" {
			t.Fatalf("%s: %+v, %v", name, s, err)
		}
		for n := range len(whole) {
			if _, err := parseMeta(whole[:n]); err == nil {
				t.Fatalf("%s cut to %d of %d bytes: no error", name, n, len(whole))
			}
			b := bytes.Clone(whole)
			b[n] ^= 0x40
			parseMeta(b)
		}
	}
}

func TestDTD(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"dtd/images/banded/banded_0002.jpg": "", "dtd/images/zigzagged/zigzagged_0001.jpg": "", "dtd/images/banded/other.jpg": "",
		"dtd/labels/test1.txt": "zigzagged/zigzagged_0001.jpg\nbanded/banded_0002.jpg\n", "dtd/labels/val10.txt": "banded/gone.jpg\n",
	})
	for _, source := range []string{"dtd:" + dir + "#test1", "dtd:" + dir + "/dtd#test1"} {
		src, err := Open(source)
		if err != nil {
			t.Fatal(err)
		}
		if got := pass(t, src); !reflect.DeepEqual(got, []string{"zigzagged/zigzagged_0001.jpg=1", "banded/banded_0002.jpg=0"}) {
			t.Errorf("images %q", got)
		}
		if !reflect.DeepEqual(src.Classes(), []string{"banded", "zigzagged"}) || src.Name() != source || paths(t, src)[1] != dir+"/dtd/images/banded/banded_0002.jpg" {
			t.Errorf("classes %q, name %s, paths %q", src.Classes(), src.Name(), paths(t, src))
		}
	}
	src, err := Open("dtd:" + dir + "#val10")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Load(t.Context(), src, preset(t, "cifar10"), Options{MaxBad: 1}, new(loaded).take); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("a missing image: %v", err)
	}
	for source, want := range map[string]string{
		"dtd:" + dir: "say which part, dtd:" + dir + "#train1", "dtd:" + dir + "#test": "say which part", "dtd:" + dir + "#test11": "say which part",
		"dtd:" + dir + "#train0": "say which part", "dtd:" + dir + "#train3": "no such file or directory: expected Describable Textures", "dtd:/nowhere#val1": "no such file",
	} {
		if _, err := Open(source); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", source, err, want)
		}
	}
}

func FuzzMeta(f *testing.F) {
	for _, name := range []string{"imagenet/meta.mat", "imagenet/meta_plain.mat", "svhn/double.mat", "svhn/one.mat"} {
		f.Add(read(f, "testdata/"+name))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := parseMeta(b)
		if err == nil && (len(s.names) == 0 || len(s.labels) != len(s.names)) {
			t.Errorf("%+v", s)
		}
	})
}

func FuzzGroundTruth(f *testing.F) {
	f.Add("ImageId,PredictionString\nILSVRC2012_val_00048981,n03995372 85 1 499 272\n")
	f.Add("ILSVRC2012_val_00000001.JPEG 65\nILSVRC2012_val_00000002.JPEG 970\n")
	f.Add("n01751748\nn09193705\n")
	f.Add("490\n361\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, file := range truthFiles {
			s := newSynsets(strings.Split(text, "\n"))
			s.byID = map[int]string{490: "n01751748", 361: "n09193705"}
			truth, err := file.read(text, &s)
			if err != nil {
				continue
			}
			for image, label := range truth {
				if image <= 0 || label < 0 || len(s.names) > 0 && label >= int64(len(s.names)) {
					t.Errorf("%s: image %d has label %d of %d", file.name, image, label, len(s.names))
				}
			}
		}
	})
}
