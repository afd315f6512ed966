#!/bin/sh
# The main job on real classifiers and images, with the numbers that have to come out:
#
#     OODFLOW_DATA=folder testdata/real.sh [FOLDER]
#
# OODFLOW_DATA holds models/, cifar10/, svhn/, imagenette/ and dtd/. Features are written below FOLDER (default
# real-out) and used again by the next run; remove it after a change to extraction. OODFLOW names the binary.
# It stops with a status other than 0 at the first number that is off.
set -eu

cd "$(dirname "$0")/.."
oodflow=${OODFLOW:-./bin/oodflow}
out=${1:-real-out}
data=${OODFLOW_DATA:?the folder with models/, cifar10/, svhn/, imagenette/ and dtd/}
cifar=cifar10:$data/cifar10/cifar-10-batches-bin
mkdir -p "$out"

# extract MODEL NAME SOURCE
extract() {
	[ -e "$out/$1.$2.safetensors" ] ||
		"$oodflow" extract --model "$data/models/$1.onnx" --images "$3" --out "$out/$1.$2.safetensors"
}

# evaluate MODEL ID-NAME [FLAG...]: train on MODEL.train, then compare.
evaluate() {
	model=$1
	id=$2
	shift 2
	"$oodflow" train --features "$out/$model.train.safetensors" --out "$out/$model.detector.safetensors"
	printf '\n%s\n' "$model"
	"$oodflow" eval --detector "$out/$model.detector.safetensors" --id "$id=$out/$model.test.safetensors" \
		--baselines all "$@"
}

echo 'inspect: the penultimate tensor is the one that the model'\''s description names'
for json in "$data"/models/*.json; do
	case $json in *.preprocessor_config.json) continue ;; esac
	model=${json%.json}.onnx
	want=$(sed -n 's/^ *"tensor": "\(.*\)",$/\1/p' "$json")
	found=$("$oodflow" inspect "$model" --json | sed -n 's/^ *"tensor": "\(.*\)",$/\1/p')
	[ "$want" = "$found" ] || { echo "$model: found $found, want $want" >&2; exit 1; }
	echo "  $(basename "$model"): $found"
done

for net in wrn16_2:0.98 resnet20:0.96 resnet56:0.96; do
	model=cifar10_${net%:*}
	extract "$model" train "$cifar#train"
	extract "$model" test "$cifar#test"
	extract "$model" svhn "$data/svhn/images"
	extract "$model" dtd "$data/dtd/images"
	evaluate "$model" cifar10 --min-auroc "svhn=${net#*:}" \
		--ood "svhn=$out/$model.svhn.safetensors" --ood "dtd=$out/$model.dtd.safetensors"
done

model=imagenet_mobilenetv2
extract "$model" train "$data/imagenette/train"
extract "$model" test "$data/imagenette/val"
extract "$model" dtd "$data/dtd/images"
evaluate "$model" imagenette --ood "dtd=$out/$model.dtd.safetensors"
