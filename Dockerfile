# Two stages: the first builds the environment and trains the model, the second holds only what serving needs.
# BASE is an argument so that the file can be built on any Debian or Ubuntu with Python 3.11 or newer (`make image-check` does).
ARG BASE=docker.io/library/python:3.11-slim

FROM ${BASE} AS build
WORKDIR /opt/helmkeel
# Optional: options for pip, for a network with its own package index.
ARG PIP_OPTIONS=""
# For the tagger's inner loop, which is compiled; the second stage needs neither.
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev $([ -e /usr/bin/python3 ] && echo python3-dev)
COPY requirements.lock ./
RUN python3 -m venv .venv \
    && .venv/bin/pip install --quiet --no-cache-dir --disable-pip-version-check ${PIP_OPTIONS} --require-hashes -r requirements.lock
COPY pyproject.toml setup.py README.md LICENSE ./
COPY model model
COPY training training
COPY service service
RUN .venv/bin/pip install --quiet --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation --editable . \
    && .venv/bin/pip uninstall --quiet --yes cython \
    && rm model/*.c
COPY data data
RUN .venv/bin/helmkeel train

FROM ${BASE}
LABEL org.opencontainers.image.title="Helmkeel" org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin helmkeel
COPY --from=build /opt/helmkeel/.venv /opt/helmkeel/.venv
COPY --from=build /opt/helmkeel/model /opt/helmkeel/model
COPY --from=build /opt/helmkeel/training /opt/helmkeel/training
COPY --from=build /opt/helmkeel/service /opt/helmkeel/service
COPY --from=build /opt/helmkeel/artifact /opt/helmkeel/artifact
WORKDIR /opt/helmkeel
ENV PATH=/opt/helmkeel/.venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 HELMKEEL_HOST=0.0.0.0 HELMKEEL_PORT=8000
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/readyz', timeout=2)"]
CMD ["helmkeel", "serve"]
