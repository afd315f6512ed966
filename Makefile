# make demo    the main job from end to end, on images it draws itself
# make test    the whole test suite
# make check   everything a change must pass: formatting, vet, lint, import rules, race detector, pure-Go build, demo
# make real    the main job on real data: OODFLOW_DATA=folder make real
# make ablation  the tables of docs/recipe.md: OODFLOW_DATA=folder make ablation
# make bench   benchmarks
# make bench-scale   what an epoch costs with up to a million images, with the BLAS found and with gonum's
# make bench-extract   extract beside the bare engine and beside a Python script: OODFLOW_DATA=folder make bench-extract
# make coverage  how often the confidence intervals hold the truth, drawn at length
# make scale   train, score and eval from a dump of SCALE_GB gigabytes (10), write and merge one of a million images, and
#              bound the memory that it takes
# make fuzz    every parser, FUZZTIME each
# make clean   remove what the above made

GO ?= go
FUZZTIME ?= 1m
SCALE_GB ?= 10
PYTHON ?= python3
.PHONY: build onnxruntime demo test check lint race pure real ablation bench bench-scale bench-extract coverage scale fuzz clean

build: bin/oodflow

# The go command knows best what is out of date.
.PHONY: bin/oodflow
bin/oodflow:
	$(GO) build -o $@ ./cmd/oodflow

# ONNX Runtime's shared library, where npm can fetch it; without it the pure Go engine serves.
onnxruntime:
	@.ci/onnxruntime.sh

demo: onnxruntime bin/oodflow
	@GO="$(GO)" testdata/demo/run.sh demo-out

test: onnxruntime
	$(GO) test ./...

check: lint race pure demo

lint:
	@files=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$files" || { echo "gofmt: $$files"; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	$(GO) tool depguard ./...

race:
	GORACE=atexit_sleep_ms=0 $(GO) test -race -short ./...

# The build without native code, and the demo's pipeline with it.
pure:
	CGO_ENABLED=0 $(GO) build -o bin/oodflow-pure ./cmd/oodflow
	@OODFLOW=./bin/oodflow-pure GO="$(GO)" testdata/demo/run.sh demo-out/pure

real: onnxruntime bin/oodflow
	@testdata/real.sh

ablation: onnxruntime bin/oodflow
	@[ -e real-out/imagenet_mobilenetv2.dtd.safetensors ] || testdata/real.sh >&2
	@$(GO) run ./internal/ablation real-out

bench:
	$(GO) test -short -run '^$$' -bench . -benchmem ./...

coverage:
	OODFLOW_COVERAGE=1 $(GO) test -run TestIntervalCoverage -count 1 -timeout 1h -v ./eval

bench-scale:
	$(GO) test -run '^$$' -bench Epoch -benchtime 1x -count 3 -timeout 1h ./flow
	OODFLOW_BLAS=gonum $(GO) test -run '^$$' -bench 'Epoch/d512' -benchtime 1x -timeout 1h ./flow

# PYTHON has torch, torchvision and PIL; BENCH_FLAGS are the script's own.
bench-extract: onnxruntime bin/oodflow
	@$(PYTHON) testdata/bench/extract.py $(BENCH_FLAGS)

scale:
	SCALE_GB=$(SCALE_GB) $(GO) test -run TestScale -count 1 -timeout 2h -v ./cmd/oodflow

fuzz:
	@for p in $$($(GO) list ./...); do \
		for f in $$($(GO) test -list '^Fuzz' $$p | grep ^Fuzz); do \
			$(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x $$p || exit 1; \
		done; \
	done

clean:
	rm -rf bin demo-out .setup
