package fetch

// Where the figures come from. MD5 sums: of the CIFARs from the publishers' own page, of iNaturalist from its
// publishers' README (visipedia/inat_comp, 2021), of all others as torchvision checks them (torchvision/datasets/*.py).
// Sizes and SHA-256 sums: as TensorFlow Datasets records them (tensorflow_datasets/url_checksums and
// datasets/*/checksums.tsv), of the CIFARs' Python versions as Keras checks them
// (keras/datasets/cifar10.py, cifar100.py). That size, MD5 and SHA-256 are of one and the same file matters where
// a file was replaced under its old name, as imagenette's were: sums of the older ones are still about.
const (
	toronto  = "https://www.cs.toronto.edu/~kriz/"
	stanford = "http://ufldl.stanford.edu/housenumbers/"
	oxford   = "https://www.robots.ox.ac.uk/~vgg/data/dtd/download/"
	fastai   = "https://s3.amazonaws.com/fast-ai-imageclas/"
	csail    = "https://data.csail.mit.edu/places/places365/"
	inat     = "https://ml-inat-competition-datasets.s3.amazonaws.com/2021/"
)

const (
	cifarPage  = toronto + "cifar.html"
	cifarTerms = "none stated; the authors ask to be cited"
	svhnTerms  = "non-commercial use only"
	netteTerms = "photographs of ImageNet, under ImageNet's terms: non-commercial research and education"
)

// Catalogue is all datasets with an official address that needs no account and a published checksum.
func Catalogue() []Dataset {
	return []Dataset{
		cifar("cifar10", "CIFAR-10: 60,000 photographs of 32×32 pixels in 10 classes; binary version", "cifar10:", File{
			// https://www.cs.toronto.edu/~kriz/cifar.html; TensorFlow Datasets, url_checksums/cifar10.txt
			Name: "cifar-10-binary.tar.gz", Base: toronto, Bytes: 170052171,
			MD5:    "c32a1d4ab5d03f1284b67883e8d87530",
			SHA256: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
		}),
		cifar("cifar10-python", "CIFAR-10 as Python pickles", "cifar10:", File{
			// https://www.cs.toronto.edu/~kriz/cifar.html; Keras, datasets/cifar10.py
			Name: "cifar-10-python.tar.gz", Base: toronto, Bytes: 170498071,
			MD5:    "c58f30108f718f92721af3b95e74349a",
			SHA256: "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
		}),
		cifar("cifar100", "CIFAR-100: 60,000 photographs of 32×32 pixels in 100 classes; binary version", "cifar100:", File{
			// https://www.cs.toronto.edu/~kriz/cifar.html; TensorFlow Datasets, url_checksums/cifar100.txt
			Name: "cifar-100-binary.tar.gz", Base: toronto, Bytes: 168513733,
			MD5:    "03b5dce01913d631647c71ecec9e9cb8",
			SHA256: "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
		}),
		cifar("cifar100-python", "CIFAR-100 as Python pickles", "cifar100:", File{
			// https://www.cs.toronto.edu/~kriz/cifar.html; Keras, datasets/cifar100.py
			Name: "cifar-100-python.tar.gz", Base: toronto, Bytes: 169001437,
			MD5:    "eb9058c3a382ffc7106e4002c42a8d85",
			SHA256: "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
		}),
		svhn("svhn", "SVHN: 73,257 training and 26,032 test house numbers of 32×32 pixels, 10 digits",
			// torchvision, datasets/svhn.py; TensorFlow Datasets, url_checksums/svhn_cropped.txt
			File{
				Name: "train_32x32.mat", Base: stanford, Bytes: 182040794,
				MD5:    "e26dedcc434d2e4c54c9b2d4a06d8373",
				SHA256: "435e94d69a87fde4fd4d7f3dd208dfc32cb6ae8af2240d066de1df7508d083b8",
			},
			File{
				Name: "test_32x32.mat", Base: stanford, Bytes: 64275384,
				MD5:    "eb5a983be6a315427106f1b164d9cef3",
				SHA256: "cdce80dfb2a2c4c6160906d0bd7c68ec5a99d7ca4831afa54f09182025b6a75b",
			},
		),
		svhn("svhn-extra", "SVHN's 531,131 additional, easier training images",
			// torchvision, datasets/svhn.py; TensorFlow Datasets, url_checksums/svhn_cropped.txt
			File{
				Name: "extra_32x32.mat", Base: stanford, Bytes: 1329278602,
				MD5:    "a93ce644f1a588dc4d68dda5feec44a7",
				SHA256: "a133a4beb38a00fcdda90c9489e0c04f900b660ce8a316a5e854838379a71eb3",
			},
		),
		{
			Name:  "dtd",
			About: "Describable Textures (DTD r1.0.1), \"Textures\" of the OOD benchmarks: 5,640 photographs, 47 classes",
			// torchvision, datasets/dtd.py; TensorFlow Datasets, url_checksums/dtd.txt
			Files: []File{{
				Name: "dtd-r1.0.1.tar.gz", Base: oxford, Bytes: 625239812,
				MD5:    "fff73e5086ae6bdbea199a49dfb8a4c1",
				SHA256: "e42855a52a4950a3b59612834602aa253914755c95b0cff9ead6d07395f8e205",
			}},
			Unpack: true,
			Sources: []Source{
				{Split: "all", Path: "dtd/images"},
				// The first of ten ways to split them, the one that results are usually given for.
				{Split: "train", Prefix: "dtd:", Path: "dtd", Suffix: "#train1"},
				{Split: "val", Prefix: "dtd:", Path: "dtd", Suffix: "#val1"},
				{Split: "test", Prefix: "dtd:", Path: "dtd", Suffix: "#test1"},
			},
			Terms:    "for research purposes",
			Homepage: "https://www.robots.ox.ac.uk/~vgg/data/dtd/",
		},
		imagenette("imagenette", "Imagenette: 13,394 photographs of 10 classes of ImageNet, full size", "imagenette2", File{
			// torchvision, datasets/imagenette.py; TensorFlow Datasets, datasets/imagenette/checksums.tsv
			Bytes:  1557161267,
			MD5:    "fe2fc210e6bb7c5664d602c3cd71e612",
			SHA256: "6cbfac238434d89fe99e651496f0812ebc7a10fa62bd42d6874042bf01de4efd",
		}),
		imagenette("imagenette-320", "Imagenette, shorter side 320 pixels", "imagenette2-320", File{
			Bytes:  341663724,
			MD5:    "3df6f0d01a2c9592104656642f5e78a3",
			SHA256: "569b4497c98db6dd29f335d1f109cf315fe127053cedf69010d047f0188e158c",
		}),
		imagenette("imagenette-160", "Imagenette, shorter side 160 pixels", "imagenette2-160", File{
			Bytes:  99003388,
			MD5:    "e793b78cc4c9e9a4ccc0c1155377a412",
			SHA256: "64d0c4859f35a461889e0147755a999a48b49bf38a7e0f9bd27003f10db02fe5",
		}),
		{
			Name:  "places365",
			About: "Places365: its 36,500 validation images of 256×256 pixels, without labels",
			// torchvision, datasets/places365.py; TensorFlow Datasets, url_checksums/places365_small.txt
			Files: []File{{
				Name: "val_256.tar", Base: csail, Bytes: 525158400,
				MD5:    "e27b17d8d44f4af9a78502beb927f808",
				SHA256: "24b4e639ef12a0012af525bc4cb443e4ab4aaea8369a1fb009b70e4a4aad5d48",
			}},
			Sources:  []Source{{Split: "val", Path: "val_256.tar"}}, // read as it is
			Terms:    "non-commercial research and education",
			Homepage: "http://places2.csail.mit.edu/download.html",
		},
		{
			Name:  "inaturalist",
			About: "iNaturalist 2021: its 100,000 validation images of 10,000 species",
			// github.com/visipedia/inat_comp, 2021/README.md; TensorFlow Datasets, image_classification/i_naturalist2021/checksums.tsv
			Files: []File{{
				Name: "val.tar.gz", Base: inat, Bytes: 8931661582,
				MD5:    "f6f6e0e242e3d4c9569ba56400938afc",
				SHA256: "f162b45fed0f676839f335968990fa0f236433d6123bb07b7591f6732c56455d",
			}},
			Unpack:   true,
			Sources:  []Source{{Split: "val", Path: "val"}},
			Terms:    "non-commercial research and education; the images may not be passed on",
			Homepage: "https://github.com/visipedia/inat_comp/tree/master/2021",
		},
		{
			Name:     "imagenet",
			About:    "ImageNet (ILSVRC 2012)",
			Terms:    "non-commercial research and education, after registration",
			Homepage: "https://image-net.org/download.php",
			Manual: "register at https://image-net.org, download ILSVRC2012_img_val.tar and the development kit (Task 1 & 2) there, " +
				"unpack the first into DIR/val and the second into DIR, and give imagenet:DIR to oodflow extract --images",
		},
	}
}

func cifar(name, about, prefix string, f File) Dataset {
	return Dataset{
		Name: name, About: about, Files: []File{f}, Terms: cifarTerms, Homepage: cifarPage,
		Sources: []Source{
			{Split: "train", Prefix: prefix, Path: f.Name, Suffix: "#train"},
			{Split: "test", Prefix: prefix, Path: f.Name, Suffix: "#test"},
		},
	}
}

// svhn describes files that are called after their split, SPLIT_32x32.mat.
func svhn(name, about string, files ...File) Dataset {
	d := Dataset{Name: name, About: about, Files: files, Terms: svhnTerms, Homepage: stanford}
	for _, f := range files {
		split := f.Name[:len(f.Name)-len("_32x32.mat")]
		d.Sources = append(d.Sources, Source{Split: split, Prefix: "svhn:", Path: f.Name})
	}
	return d
}

// imagenette describes the archive FOLDER.tgz, which holds FOLDER/train and FOLDER/val.
func imagenette(name, about, folder string, f File) Dataset {
	f.Name, f.Base = folder+".tgz", fastai
	return Dataset{
		Name: name, About: about, Files: []File{f}, Unpack: true, Terms: netteTerms, Homepage: "https://github.com/fastai/imagenette",
		Sources: []Source{{Split: "train", Path: folder + "/train"}, {Split: "val", Path: folder + "/val"}},
	}
}
