# The service and its runtime requirements: no tests, and no build tools beyond the base image's.
FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
COPY requirements-runtime.lock deploy/requirements-build.lock ./
# Wheels by hash only: nothing that a package brings runs while it is installed.
RUN python -m venv /opt/build \
 && /opt/build/bin/pip install --require-hashes --only-binary :all: -r requirements-build.lock \
 && python -m venv --without-pip /opt/venv \
 && /opt/build/bin/pip --python /opt/venv/bin/python install \
      --require-hashes --only-binary :all: -r requirements-runtime.lock
COPY pyproject.toml README.md LICENSE ./
COPY providers/ providers/
COPY sealing/ sealing/
COPY secretsync/ secretsync/
RUN /opt/build/bin/python -m hatchling build -t wheel -d /opt/wheels \
 && /opt/build/bin/pip --python /opt/venv/bin/python install --no-deps --no-index /opt/wheels/*.whl

# What Applications are rendered with, at the versions that the tests run with.
FROM golang:1.26 AS programs
ENV CGO_ENABLED=0 GOFLAGS=-mod=readonly GOTOOLCHAIN=local
COPY tests/tools/kustomize/ /src/kustomize/
RUN cd /src/kustomize \
 && go build -trimpath -ldflags "-s -w" -o /out/kustomize sigs.k8s.io/kustomize/kustomize/v5
COPY tests/tools/helm/ /src/helm/
RUN cd /src/helm && go build -trimpath -ldflags "-s -w" -o /out/helm helm.sh/helm/v3/cmd/helm

FROM python:3.13-slim
# git and ssh fetch repositories, gpg verifies their commits where a project asks for it.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends git openssh-client gpg \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/venv /opt/venv
COPY --from=programs /out/ /opt/venv/bin/
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# No user of that id exists in the image, and it owns no file in it.
USER 65532:65532
ENTRYPOINT ["secretsync"]
