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

FROM python:3.13-slim
COPY --from=build /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# No user of that id exists in the image, and it owns no file in it.
USER 65532:65532
ENTRYPOINT ["secretsync"]
