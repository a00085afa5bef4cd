# One image for every role: docker run IMAGE <api | worker --queues ... | gateway | migrate>
FROM node:20.20.2-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --include=dev --no-audit
COPY . .
RUN npm run build && npm prune --omit=dev --no-audit

FROM node:20.20.2-bookworm-slim AS trainers
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*
# requirements-cuda.lock on hosts with a GPU.
ARG TRAINER_REQUIREMENTS=requirements.lock
COPY trainers/${TRAINER_REQUIREMENTS} /tmp/requirements.lock
RUN python3 -m venv /opt/trainers \
    && /opt/trainers/bin/python -m pip install --no-cache-dir --disable-pip-version-check --no-deps --require-hashes -r /tmp/requirements.lock \
    && cp /tmp/requirements.lock /opt/trainers/requirements.lock

FROM node:20.20.2-bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates python3 \
    && rm -rf /var/lib/apt/lists/* \
    && mkdir -p /var/lib/perennial/artifacts /var/lib/perennial/work /var/lib/perennial/observations /data \
    && chown -R node:node /var/lib/perennial
WORKDIR /app
COPY --from=trainers /opt/trainers /opt/trainers
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY --from=build /app/src/embedded ./src/embedded
COPY trainers ./trainers
COPY controls ./controls
COPY models ./models
ENV NODE_ENV=production \
    ARTIFACT_URL=/var/lib/perennial/artifacts \
    WORK_DIR=/var/lib/perennial/work \
    OBSERVATION_DIR=/var/lib/perennial/observations \
    DATA_DIR=/data \
    TRAINERS_DIR=/app/trainers \
    CONTROLS_DIR=/app/controls \
    TRAINER_PYTHON=/opt/trainers/bin/python \
    API_HOST=0.0.0.0 \
    GATEWAY_HOST=0.0.0.0
USER node
EXPOSE 3000 3001
ENTRYPOINT ["node", "dist/src/main.js"]
