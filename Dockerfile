# castoff, its migrations and the example web server as images without a system: two static files.
#
#   docker build --target example -t castoff-example .     castoff in front of the example server
#   docker build -t castoff .                              castoff alone, to be copied into other images
#
# Adding castoff to any image that exists takes three lines in its own Dockerfile; its CMD stays:
#
#   COPY --from=castoff /castoff /castoff
#   COPY migrations /migrations
#   ENTRYPOINT ["/castoff", "run", "--migrations", "/migrations", "--"]
#
# The base image needs cargo and a C compiler. Any Linux will do: the result is linked statically.
ARG RUST_IMAGE=rust:1.95-alpine

FROM ${RUST_IMAGE} AS build
WORKDIR /src

# `--build-arg CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16` trades the size
# of the binaries for a much shorter build.
ARG CARGO_PROFILE_RELEASE_LTO=fat
ARG CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1

# Flags for the target alone, which naming the target achieves: macros run inside the compiler and
# cannot be linked statically.
ENV RUSTFLAGS="-C target-feature=+crt-static"

# The dependencies first, with empty sources in the place of ours: this layer lasts until they change.
COPY Cargo.toml Cargo.lock ./
COPY examples/timetracker/Cargo.toml examples/timetracker/
COPY process process
RUN set -eu; \
    mkdir -p src examples/timetracker/src; \
    touch src/lib.rs; \
    echo 'fn main() {}' | tee src/main.rs > examples/timetracker/src/main.rs; \
    cargo build --release --locked --target "$(rustc -vV | sed -n 's/^host: //p')" \
        -p castoff -p timetracker; \
    rm -r src examples

# Newer than the empty ones, or cargo would take the files of the layer above for up to date.
COPY src src
COPY examples examples
COPY migrations migrations
RUN set -eu; \
    find src examples -name '*.rs' -exec touch {} +; \
    target="$(rustc -vV | sed -n 's/^host: //p')"; \
    cargo build --release --locked --target "$target" -p castoff -p timetracker; \
    mkdir /out; \
    cp "target/$target/release/timetracker" /out/timetracker; \
    "target/$target/release/castoff" bundle --migrations migrations -o /out/castoff

# castoff with its migrations, and the server that it becomes.
FROM scratch AS example
COPY --from=build /out/castoff /out/timetracker /
USER 65532:65532
ENV LISTEN=0.0.0.0 PORT=8000
EXPOSE 8000
# A server without a health command of its own has castoff's: CMD ["/castoff", "status"]. The start
# period is longer than the longest migration, and costs nothing: the first success ends it.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30m CMD ["/timetracker", "--health"]
ENTRYPOINT ["/castoff", "run", "--"]
CMD ["/timetracker"]

# castoff with its migrations, and nothing else.
FROM scratch AS castoff
COPY --from=build /out/castoff /castoff
USER 65532:65532
ENTRYPOINT ["/castoff"]
