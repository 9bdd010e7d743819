# The sources of the dependencies, so that the build needs no network.
ARG BASE
FROM ${BASE}
COPY registry /usr/local/cargo/registry
ENV CARGO_HOME=/usr/local/cargo CARGO_NET_OFFLINE=true
