# Gateway and consumers; compose.yml says which of them a container is.
FROM oven/bun:1.4.5-slim
WORKDIR /app
COPY package.json bun.lock bunfig.toml ./
COPY scripts/install.ts scripts/install.ts
RUN bun scripts/install.ts
COPY . .
# Bodies of messages are many short-lived allocations: with this the collector of garbage comes after
# 128 MiB of them instead of 32, and free pages are kept instead of given back and taken again all the time.
# docs/cluster.md has what it costs.
ENV NODE_ENV=production HOST=0.0.0.0 MIMALLOC_PURGE_DELAY=-1 BUN_JSC_largeHeapSize=134217728
RUN mkdir /data && chown bun:bun /data
USER bun
EXPOSE 8080
CMD ["bun", "gateway/main.ts"]
