# SPDX-License-Identifier: BSD-3-Clause
# The front door. Meson does the work; every verb here is one or two lines of it.
#   make | programs | check | fuzz | sim | tidy | install | clean | interop | interop-full | fio
#   make bench | bench-full | bench-storm | bench-compare BASE=REV      (bench/README)
#   CC=clang           another compiler       SAN=address,undefined | thread   sanitizers
#   WERROR=true        warnings are errors    B=DIR                            build directory

SAN ?=
WERROR ?=
SEED ?= 1
N ?= 100
TIME ?= 60
TARGET ?=
BENCH ?=
BASE ?=
REV ?=
FIX ?=
comma := ,

ifneq ($(SAN),)
B ?= build-san-$(subst $(comma),-,$(SAN))
SETUP = -Db_sanitize=$(SAN) -Db_lundef=false
SLOW = -t 4
endif
B ?= build

.PHONY: all programs check fuzz sim bench bench-full interop interop-full fio tidy install clean

all: $(B)/build.ninja
	$(if $(WERROR),@meson configure $(B) -Dwerror=$(WERROR))
	ninja -C $(B)

programs: $(B)/build.ninja
	ninja -C $(B) nvmetls nvmetls-host nvmetls-target

$(B)/build.ninja:
	meson setup $(B) $(SETUP)

check: all
	meson test -C $(B) --no-rebuild --print-errorlogs $(SLOW)

fuzz: build-fuzz/build.ninja
	ninja -C build-fuzz
	scripts/fuzz build-fuzz $(TIME) $(TARGET)

build-fuzz/build.ninja:
	CC=clang meson setup build-fuzz -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false

sim: all
	$(B)/tests/sim/sim --seed $(SEED) --runs $(N)

bench: all
	bench/run $(B) $(BENCH)

bench-full: all
	bench/run $(B) --full $(BENCH)

bench-storm: all
	bench/storm $(B) $(BENCH)

bench-compare:
	@test -n '$(BASE)' || { echo 'make bench-compare BASE=REVISION [REV=REVISION]' >&2; exit 2; }
	bench/compare $(BASE) $(REV) $(BENCH)

# CASE='7/host/*' runs some; see tests/interop/README.md
INTEROP = $(if $(CASE),--case '$(CASE)') --markdown $(B)/interop.md --json $(B)/interop.json
interop: programs
	tests/interop/run $(B) $(INTEROP)

interop-full: programs
	tests/interop/run $(B) --full $(INTEROP)

# an engine for fio, GPL-2.0-only: fio/README.md
fio: all
	scripts/packages fio
	fio/build $(B)

tidy:
	scripts/tidy $(if $(FIX),--fix)

install: all
	meson install -C $(B) --no-rebuild

clean:
	rm -rf build build-fuzz build-clang build-san-*
