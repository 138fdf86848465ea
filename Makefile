# Everything here is one or two lines that can be typed by hand. `make run FILES="a.mp3 'b c.flac'"` makes those.
.PHONY: setup run test test-all lint bench package package-test faults faults-all train train-smoke
BIN := .venv/bin

setup:            ## all set-up; DESKTOP=1 adds a menu entry
	@packaging/setup.sh dev

run:              ## the window; without a display, karaoke of the demo song in the terminal
	@packaging/setup.sh run
	@packaging/run.sh $(FILES)

test:             ## the tests, about ten minutes
	@packaging/setup.sh dev
	$(BIN)/python -m pytest -q -n 2 --dist loadfile --max-worker-restart 0 $(ARGS)

test-all:         ## also the full matrix and the long runs
	@packaging/setup.sh dev
	$(BIN)/python -m pytest -q -m "not gpu and not network" $(ARGS)

lint:             ## style, types and import contracts
	@packaging/setup.sh dev
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/mypy && $(BIN)/lint-imports

faults:           ## what breaks programs is done to this one; a few minutes (tests/faults/README.md)
	@packaging/setup.sh dev
	$(BIN)/python -m tests.faults --json build/faults.json $(ARGS)

faults-all:       ## the same, ten times as often, with every mutant (hours; ARGS=--resume goes on)
	@packaging/setup.sh dev
	$(BIN)/python -m tests.faults --all --json build/faults-all.json $(ARGS)

bench:            ## how quickly songs are separated here (ten minutes; make bench ARGS=--quick: two)
	@packaging/setup.sh dev
	$(BIN)/python benchmarks/separation.py --json build/bench.json $(ARGS)

package:          ## the program as a folder for this system: dist/karaoke-studio
	@packaging/setup.sh package
	$(BIN)/python packaging/build.py $(ARGS)

package-test:     ## that folder, tried from elsewhere with an empty home
	@packaging/setup.sh run
	$(BIN)/python packaging/smoke.py $(ARGS)

train:            ## the built-in engine's net, from nothing (hours; training/README.md): make train DATA=folder
	@packaging/setup.sh dev
	training/make.sh $(or $(DATA),build/training)

train-smoke:      ## the same way in half a minute, with tones for songs
	@packaging/setup.sh dev
	$(BIN)/python -m training.instant.smoke build/train-smoke
