# make run     builds the server and runs it here, in the foreground
# make test    every test, against PostgreSQL 15 where a client can see the difference
# Both install what is missing first. One profile and one target directory: RocksDB compiles once.

export CARGO_TARGET_DIR ?= $(HOME)/.cache/reckon-target
DATA_DIR ?= $(CURDIR)/data
SOCKET_DIR ?= /tmp
PORT ?=

.PHONY: run test build bless crash history shuttle

run: build
	@.ci/serve $(CARGO_TARGET_DIR)/release/reckon "$(DATA_DIR)" "$(SOCKET_DIR)" $(PORT)

build:
	@.ci/install build
	cargo build --release --workspace --bins

test:
	@.ci/install test
	cargo build --release --workspace --bins
	cargo test --release --workspace --no-fail-fast

# Writes the expected output of every script anew, from PostgreSQL 15.
bless:
	@.ci/install test
	cargo run --release -p reckon-tests --bin bless

# The long form of the crash test: a thousand kill -9, a thousand power cuts.
crash:
	@.ci/install test
	cargo build --release --workspace --bins
	RECKON_CRASH_ROUNDS=1000 cargo test --release -p reckon-tests --test crash -- --nocapture
	RECKON_CRASH_ROUNDS=100 cargo test --release -p reckon-tests --test two_phase -- --nocapture

# The long form of the history test: a hundred kill -9 at each isolation level.
history:
	@.ci/install test
	cargo build --release --workspace --bins
	RECKON_HISTORY_KILLS=100 cargo test --release -p reckon-tests --test anomalies -- --nocapture

# Threads in many orders, in a target directory of its own. RocksDB is not compiled.
shuttle: export CARGO_TARGET_DIR := $(CARGO_TARGET_DIR)/shuttle
shuttle: export RUSTFLAGS := --cfg shuttle
shuttle:
	cargo test --release -p reckon-mvcc --no-default-features --test shuttle
	cargo test --release -p reckon-index --test shuttle
