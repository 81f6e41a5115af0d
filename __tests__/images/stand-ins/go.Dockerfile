# Stand-in for golang:1.26: the Go of this machine.
FROM debian:bookworm-slim
COPY --from=go . /usr/local/go
ENV PATH=/go/bin:/usr/local/go/bin:$PATH GOPATH=/go GOTOOLCHAIN=local
RUN mkdir -p -m 1777 /go/src /go/bin && chmod -R 1777 /go && go version
