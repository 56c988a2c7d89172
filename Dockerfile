# Gateway and consumers; compose.yml says which of them a container is.
FROM oven/bun:1.4.5-slim
WORKDIR /app
COPY package.json bun.lock bunfig.toml ./
COPY scripts/install.ts scripts/install.ts
RUN bun scripts/install.ts
COPY . .
# Bodies of messages are many short-lived allocations: without this the allocator gives pages back
# and takes them again all the time.
ENV NODE_ENV=production HOST=0.0.0.0 MIMALLOC_PURGE_DELAY=10000
RUN mkdir /data && chown 1000:1000 /data
# User bun, by number: Kubernetes cannot tell of a name that it is not root (runAsNonRoot).
USER 1000:1000
EXPOSE 8080 8081
CMD ["bun", "gateway/main.ts"]
