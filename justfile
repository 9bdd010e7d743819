# Everything that CI runs.
all *majors:
    ./tests/all.sh {{majors}}

# Unit tests, and the whole binary against the installed PostgreSQL.
test *args:
    cargo test --locked --workspace {{args}}

# The whole binary against several majors of PostgreSQL.
matrix *majors:
    tests/matrix.sh {{majors}}

# A long campaign of faults: castoff is disturbed 5,000 times.
soak count="5000":
    CASTOFF_FAULTS={{count}} cargo test --locked --quiet --test faults

# The images and the Compose file, in a real engine.
container:
    tests/container/run.sh

# The manifests and the Helm chart, compared with the schemas of Kubernetes.
kubernetes:
    tests/kubernetes.sh

# castoff and its peers, side by side.
bench:
    benches/run.sh

# The static executable.
static:
    RUSTFLAGS="-C target-feature=+crt-static" cargo build --locked --release --target x86_64-unknown-linux-gnu
