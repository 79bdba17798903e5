# The service in a small image: docker build -t paystrator .
FROM rust:1.95-bookworm AS build
WORKDIR /build
COPY . .
# Statements are checked against .sqlx/: no database is needed here.
RUN cargo build --release --locked --bin paystrator

FROM debian:bookworm-slim
# The HTTP client does not start without certificate authorities.
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /build/target/release/paystrator /usr/local/bin/paystrator
# Nothing is written to the container but documents, below /data; any unprivileged user will do.
RUN install -d -m 1777 /data
USER 10001:10001
EXPOSE 8080 9464
ENV PAYSTRATOR__SERVER__LISTEN=0.0.0.0:8080 \
    PAYSTRATOR__SERVER__METRICS_LISTEN=0.0.0.0:9464 \
    PAYSTRATOR__LOG__FORMAT=json
ENTRYPOINT ["paystrator"]
