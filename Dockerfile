# The binary and the certificate roots, nothing else. `docker build -t resplit .`

# On Alpine the host is musl, so what is built is static. aws-lc and mimalloc are C: they need a compiler and headers.
FROM rust:1.95-alpine@sha256:606fd313a0f49743ee2a7bd49a0914bab7deedb12791f3a846a34a4711db7ed2 AS build
RUN apk add --no-cache ca-certificates gcc musl-dev
WORKDIR /src
COPY . .
# The commit for `resplit --version`; the repository itself is not part of the image's sources.
ARG RESPLIT_COMMIT=
RUN RESPLIT_COMMIT="$RESPLIT_COMMIT" cargo build --profile dist --locked --bin resplit

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /src/target/dist/resplit /resplit
USER 65532:65532
ENTRYPOINT ["/resplit"]
# A pod that only waits; every run is a `kubectl exec`.
CMD ["wait"]
