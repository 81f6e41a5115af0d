# Stand-in for node:24-slim: the Node of this repository, and npm.
FROM debian:bookworm-slim
COPY --from=node node /usr/local/bin/
COPY --from=npm . /usr/local/lib/node_modules/npm
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm && npm --version
