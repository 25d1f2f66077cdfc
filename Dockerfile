# A hub in a container that holds the program and nothing else: no shell, no C library.
#
#   docker build -t snug .
#   docker compose up          # on this machine alone: see compose.yaml
#
# By itself the image lets nobody in: it listens on every interface of the container, so it wants to be told
# who may enter, with SNUG_AUTH_KEYS or SNUG_OPEN=true.

FROM --platform=$BUILDPLATFORM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY cmd cmd
COPY internal internal
COPY peer peer
COPY signaling signaling
COPY web web
ARG TARGETOS TARGETARCH
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -ldflags="-s -w" -o /out/snug ./cmd/snug
RUN mkdir -m 700 /out/data

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/snug /snug
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
# Where others reach it in the container, and where it keeps what it is to keep. The environment goes above a
# file (SNUG_CONFIG), so nothing else is set here.
ENV SNUG_LISTEN=0.0.0.0:8080 STATE_DIRECTORY=/data
# The hub, STUN and TURN. The relays' ports, 49152-65535, are too many to publish one by one: see compose.yaml.
EXPOSE 8080 3478 3478/udp 5349
VOLUME /data
STOPSIGNAL SIGTERM
ENTRYPOINT ["/snug"]
CMD ["serve"]
