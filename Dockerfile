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
RUN mkdir /data && chown bun:bun /data
USER bun
EXPOSE 8080
CMD ["bun", "gateway/main.ts"]
