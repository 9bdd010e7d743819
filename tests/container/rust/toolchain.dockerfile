# The machine's own compiler on Debian.
ARG BASE
FROM ${BASE}
COPY . /usr/local/rust
ENV PATH=/usr/local/rust/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
