# syntax=docker/dockerfile:1
# Two stages: the first makes a virtual environment from the hashed lock, the second only carries it.
ARG BASE=python:3.13-slim

FROM ${BASE} AS builder
WORKDIR /build
COPY requirements/run.txt requirements/
RUN python3 -m venv /opt/huoban \
    && /opt/huoban/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements/run.txt
COPY pyproject.toml README.md LICENSE feeds.yaml ./
COPY migrations migrations
COPY service service
RUN /opt/huoban/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps .

FROM ${BASE}
LABEL org.opencontainers.image.title="Huoban" \
      org.opencontainers.image.description="The news desk for newsrooms that follow China and the Global South" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --system --uid 10001 --create-home --home-dir /data huoban
COPY --from=builder /opt/huoban /opt/huoban
ENV PATH=/opt/huoban/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HUOBAN_DATABASE_URL=sqlite+aiosqlite:////data/huoban.db \
    HUOBAN_LOG_FORMAT=json
WORKDIR /data
USER 10001
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["python3", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health/ready', timeout=4)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["huoban"]
CMD ["serve", "--host", "0.0.0.0"]
