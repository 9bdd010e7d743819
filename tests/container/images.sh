# shellcheck shell=bash
# Stand-ins for the base images, made of Debian's packages and the machine's own compiler, because
# the test must not depend on an image registry. On a private engine they bear the names that the
# Dockerfile and docker-compose.yml use by themselves.

stand_ins() {
    rust_image=rust:1.95-alpine
    postgres_image=postgres:17-alpine
    if [ "$engine" = given ]; then
        # Somebody's own engine: real images of theirs are not overwritten.
        rust_image=castoff-test/rust
        postgres_image=castoff-test/postgres
        export RUST_IMAGE=$rust_image POSTGRES_IMAGE=$postgres_image
    fi
    export CARGO_PROFILE_RELEASE_LTO=${CASTOFF_TEST_LTO:-off}
    export CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16
    toolchain=$(rustc --print sysroot)
    host=$(rustc -vV | sed -n 's/^host: //p')

    debian_image && toolchain_image && registry_image && database_image
}

# A file's or several files' content as a short name: an image is made again when its recipe changes.
fingerprint() { cat -- "$@" | sha256sum | cut -c1-12; }

exists() { docker image inspect "$1" >/dev/null 2>&1; }

build_image() {
    DOCKER_BUILDKIT=0 docker build --network none "$@" >"$work/build.log" 2>&1 || {
        tail -n 20 "$work/build.log" | sed 's/^/#     /'
        return 1
    }
}

debian_image() {
    debian=castoff-test/debian:$(fingerprint "$here/debian/make.sh")
    exists "$debian" && return
    note "making a Debian (a minute)"
    "$here/debian/make.sh" "$cache/debian" >"$work/debian.log" 2>&1 || {
        tail -n 20 "$work/debian.log" | sed 's/^/#     /'
        return 1
    }
    tar -C "$cache/debian" -c . | docker import - "$debian" >/dev/null
    rm -rf "$cache/debian"
}

toolchain_image() {
    local context=$cache/toolchain
    toolchain_tag=castoff-test/toolchain:$({
        rustc -vV
        echo "$debian"
        cat "$here/rust/toolchain.dockerfile"
    } | fingerprint)
    exists "$toolchain_tag" && return
    note "packing $(rustc --version)"
    rm -rf "$context"
    mkdir -p "$context/bin" "$context/lib/rustlib"
    cp "$toolchain/bin/rustc" "$toolchain/bin/cargo" "$context/bin/"
    find "$toolchain/lib" -maxdepth 1 -name '*.so*' -exec cp -t "$context/lib" {} +
    cp -r "$toolchain/lib/rustlib/$host" "$context/lib/rustlib/"
    build_image -t "$toolchain_tag" --build-arg BASE="$debian" \
        -f "$here/rust/toolchain.dockerfile" "$context"
    rm -rf "$context"
}

# What the lock file names is fetched here, by the machine's own cargo, and nothing in the container.
registry_image() {
    local context=$cache/registry key
    key=$({
        echo "$toolchain_tag"
        cat Cargo.lock "$here/rust/registry.dockerfile"
    } | fingerprint)
    if ! exists "castoff-test/registry:$key"; then
        note "fetching what Cargo.lock names"
        CARGO_HOME=$context "$toolchain/bin/cargo" fetch --locked --target "$host" \
            >"$work/fetch.log" 2>&1 || {
            tail -n 20 "$work/fetch.log" | sed 's/^/#     /'
            return 1
        }
        rm -rf "$context/registry/src"
        build_image -t "castoff-test/registry:$key" --build-arg BASE="$toolchain_tag" \
            -f "$here/rust/registry.dockerfile" "$context"
    fi
    docker tag "castoff-test/registry:$key" "$rust_image"
}

database_image() {
    build_image -t "$postgres_image" --build-arg BASE="$debian" "$here/postgres"
}
