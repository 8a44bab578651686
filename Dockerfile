# The toolchain whose output is committed under guest-kernel/prebuilt and guest-user/prebuilt.
#
#   docker build --output . .                    builds the guest from this checkout into those folders
#   docker build --target toolchain -t pagewalk-toolchain .
#   docker run --rm -v "$PWD:/pagewalk" pagewalk-toolchain --check
#
# The compiler and its binutils are pinned: they decide the bytes. Node and esbuild only run the build script
# (esbuild turns scripts/build-guest.ts into JavaScript; nothing comes from npm), so any version will do.
# scripts/check-dockerfile.sh runs the RUN steps of this file in a clean Debian root, without Docker.

FROM debian:bookworm-20250520-slim AS toolchain
RUN apt-get update && apt-get install -y --no-install-recommends \
      gcc-riscv64-unknown-elf=12.2.0-14+deb12u1+11+b2 \
      binutils-riscv64-unknown-elf=2.40-2+4+b1 \
      binutils-riscv64-linux-gnu=2.40-2 \
      nodejs esbuild \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /pagewalk
RUN printf '%s\n' '#!/bin/sh' 'set -e' \
      'esbuild scripts/build-guest.ts --bundle --platform=node --format=esm --log-level=warning --outfile=/tmp/build-guest.mjs' \
      'exec node /tmp/build-guest.mjs --root . "$@"' > /usr/local/bin/build-guest && chmod +x /usr/local/bin/build-guest
ENTRYPOINT ["build-guest"]

FROM toolchain AS build
COPY scripts/ scripts/
COPY guest-kernel/ guest-kernel/
COPY guest-user/ guest-user/
RUN build-guest --out /out

FROM scratch
COPY --from=build /out /
