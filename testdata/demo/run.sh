#!/bin/sh
# The main job from end to end, on images that are drawn on the spot:
#
#     testdata/demo/run.sh [FOLDER]
#
# Everything is written below FOLDER (default demo-out); a second run replaces
# what the first one wrote there. OODFLOW names the binary (default
# ./bin/oodflow), GO the go command. Paths count from the repository's root.
set -eu
LC_ALL=C # sort and awk read the scores
export LC_ALL

cd "$(dirname "$0")/../.."
oodflow=${OODFLOW:-./bin/oodflow}
go=${GO:-go}
out=${1:-demo-out}
demo=testdata/demo

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
	bold=$(printf '\033[1m') dim=$(printf '\033[2m') plain=$(printf '\033[0m')
else
	bold='' dim='' plain=''
fi

# step HEADING SENTENCE: what comes next, and why.
step() { printf '\n%s%s%s\n%s\n' "$bold" "$1" "$plain" "$2"; }

# show WORD...: print the command as a user would type it, then run it. Long
# ones are broken before a flag.
show() {
	printf '%s' "$dim"
	echo "$*" | awk '{
		n = split($0, part, / --/)
		line = "  $ " part[1]
		for (i = 2; i <= n; i++) {
			if (length(line) + length(part[i]) > 74) { print line " \\"; line = "     " }
			line = line " --" part[i]
		}
		print line
	}'
	printf '%s' "$plain"
	"$@"
}

# strangest FILE N: the ids and scores of the N rows with the highest ood_score.
strangest() {
	awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) col[$i] = i; next }
		{ printf "    %12.1f  %s\n", $col["ood_score"], $col["id"] }' "$1" | sort -rn | head -n "$2"
}

if ! [ -x "$oodflow" ] && ! command -v "$oodflow" >/dev/null; then
	echo "run.sh: no $oodflow here; type 'make demo', which builds it" >&2
	exit 1
fi
mkdir -p "$out"
for set in id-train id-test near-ood far-ood; do # and nothing else that may lie there
	rm -rf "$out/drawn/$set"
done

step '1. Draw the images' \
	'Digits are what the classifier knows. Letters and patterns it has never seen.'
show "$go" run ./internal/demo/draw --out "$out/drawn"

step '2. Look at the classifier' \
	'A small network that tells ten digits apart. Where are its features?'
show "$oodflow" inspect "$demo/classifier.onnx"

step '3. Run the classifier' \
	'One feature vector and ten logits for every image, saved for the next steps.'
for set in id-train id-test near-ood far-ood; do
	show "$oodflow" extract --model "$demo/classifier.onnx" \
		--images "$out/drawn/$set" --out "$out/$set.safetensors"
done

step '4. Fit the detector' \
	'A normalizing flow learns what the features of training images look like.'
show "$oodflow" train --features "$out/id-train.safetensors" --out "$out/detector.safetensors"

step '5. Score new images' \
	'ood_score is -log p: the higher, the stranger the image is to the classifier.'
for set in id-test near-ood far-ood; do
	show "$oodflow" score --detector "$out/detector.safetensors" \
		--features "$out/$set.safetensors" --out "$out/$set.csv"
done
echo
echo 'The strangest digits, by ood_score (are they hard to read for you, too?):'
strangest "$out/id-test.csv" 3
echo 'The strangest letters:'
strangest "$out/near-ood.csv" 3
echo 'The strangest patterns:'
strangest "$out/far-ood.csv" 3
echo "They lie below $out/drawn."

step '6. How well does it tell them apart?' \
	'AUROC: how often a strange image scores higher than a digit (0.5 is chance).'
show "$oodflow" eval --detector "$out/detector.safetensors" \
	--id digits="$out/id-test.safetensors" \
	--ood letters="$out/near-ood.safetensors" --ood patterns="$out/far-ood.safetensors" \
	--baselines default --train-features "$out/id-train.safetensors" \
	--report html="$out/report.html"
echo
echo "Open $out/report.html in a browser for the curves, and for the images behind them."

cat <<END

${bold}Your own classifier${plain}
You need its ONNX file, its preprocessing and a folder of the images it was
trained on. Type next:

  $oodflow inspect model.onnx
  $oodflow extract --model model.onnx --preprocess imagenet \\
      --images train/ --out train.safetensors
  $oodflow train --features train.safetensors --out detector.safetensors
  $oodflow score --detector detector.safetensors --model model.onnx \\
      --preprocess imagenet --images new/ --out scores.csv

--preprocess takes imagenet, cifar10 or a Hugging Face preprocessor_config.json.
'$oodflow COMMAND --help' tells the rest.
END
