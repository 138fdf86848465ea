# Everything here is one or two lines that can be typed by hand. `make run FILES="a.mp3 'b c.flac'"` makes those.
.PHONY: setup run test test-all lint
BIN := .venv/bin

setup:            ## all set-up; DESKTOP=1 adds a menu entry
	@packaging/setup.sh dev

run:              ## the window; without a display, karaoke of the demo song in the terminal
	@packaging/setup.sh run
	@packaging/run.sh $(FILES)

test:             ## the tests, at most six minutes
	@packaging/setup.sh dev
	$(BIN)/python -m pytest -q $(ARGS)

test-all:         ## also the full matrix and the long runs
	@packaging/setup.sh dev
	$(BIN)/python -m pytest -q -m "not gpu and not network" $(ARGS)

lint:             ## style, types and import contracts
	@packaging/setup.sh dev
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/mypy && $(BIN)/lint-imports
