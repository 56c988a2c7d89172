/** A change to one file; `from` occurs in it exactly once. */
export interface Patch {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** A bug that somebody could write, and that the simulation has to notice. */
export interface PlantedBug {
  readonly name: string;
  /** Shows only in runs with an outbox. */
  readonly outbox?: boolean;
  readonly patches: readonly Patch[];
}

/** The bugs that the design names as the dangerous ones. */
export const PLANTED_BUGS: readonly PlantedBug[] = [
  {
    name: "ack before flush",
    patches: [
      {
        file: "src/adapters/memory/event-log.ts",
        from: `      this.pending.push({ topic, partition, records, resolve, reject });
`,
        to: `      let base = this.partitionOf(topic, partition).end;
      for (const one of this.pending)
        if (one.topic === topic && one.partition === partition) base += one.records.length;
      this.pending.push({ topic, partition, records, resolve, reject });
      resolve(base);
`,
      },
    ],
  },
  {
    name: "offset stored apart from rows",
    patches: [
      {
        file: "src/adapters/memory/message-store.ts",
        from: `    await this.#run("commit", () => this.data.commit(batch));
`,
        to: `    await this.#run("commit", () => this.data.commitOffset(batch));
    await this.#run("commit", () => this.data.commitRows(batch));
`,
      },
      {
        file: "src/adapters/memory/message-store-data.ts",
        from: `    partition.incarnation = batch.incarnation;
    partition.nextOffset = batch.nextOffset;
    partition.lastId = batch.lastId;
    for (const event of batch.events) this.#keep(partition, event);
    this.#steps.push({ committed: batch });
  }
`,
        to: `    this.commitOffset(batch);
    this.commitRows(batch);
    this.#steps.push({ committed: batch });
  }

  commitOffset(batch: StoreBatch): void {
    const partition = this.#partitions.get(partitionName(batch));
    if (!partition || partition.ownerEpoch !== batch.ownerEpoch) throw new AppError("fenced");
    if (partition.nextOffset !== batch.expectedOffset) throw new AppError("offset_mismatch");
    partition.incarnation = batch.incarnation;
    partition.nextOffset = batch.nextOffset;
    partition.lastId = batch.lastId;
  }

  commitRows(batch: StoreBatch): void {
    const partition = this.#partitions.get(partitionName(batch));
    if (!partition || partition.ownerEpoch !== batch.ownerEpoch) throw new AppError("fenced");
    for (const event of batch.events) this.#keep(partition, event);
  }
`,
      },
    ],
  },
  {
    name: "relay ignores a jump",
    patches: [
      {
        file: "gateway/local-conversation.ts",
        from: "      this.#jump(run.firstSeq - 1);\n",
        to: "      this.last = run.firstSeq - 1;\n",
      },
    ],
  },
  {
    name: "head evicted before it is stored",
    patches: [
      {
        file: "src/chat/heads.ts",
        from: "      if (head.offset >= storedNext) next.set(key, head);\n",
        to: "      if (head.offset >= storedNext + 1_000_000) next.set(key, head);\n",
      },
    ],
  },
  {
    name: "duplicate window by time instead of offset",
    patches: [
      {
        file: "src/chat/sequencer.ts",
        from: "      const earlier = this.#earlier(header, bytes, offset, known);\n",
        to: `      const at = Number(/"timestamp":([0-9]+)/.exec(asText(record).value)?.[1] ?? 0);
      this.#times.set(offset, at);
      const earlier = this.#earlier(header, bytes, offset, known);
`,
      },
      {
        file: "src/chat/sequencer.ts",
        from: "this.#window.covers(inMemory.offset, offset)",
        to: "(this.#times.get(offset) ?? 0) - (this.#times.get(inMemory.offset) ?? 0) <= 2_000",
      },
      {
        file: "src/chat/sequencer.ts",
        from: "  readonly #heads: Heads;\n",
        to: "  readonly #heads: Heads;\n  readonly #times = new Map<number, number>();\n",
      },
    ],
  },
];

/** Bugs that the simulation found. Each is put back to see that it would be found again. */
export const FOUND_BUGS: readonly PlantedBug[] = [
  {
    name: "a fold forgets the ids that it needs",
    patches: [
      {
        file: "src/chat/sequencer.ts",
        from: "    for (let i = 0; i < count; i++) {\n",
        to: "    if (prepared.offsets[0] !== undefined) this.#window.forget(prepared.offsets[0], storedNext);\n    for (let i = 0; i < count; i++) {\n",
      },
      {
        file: "src/chat/sequencer.ts",
        from: "    if (count > 0) {\n",
        to: "    if (count < 0) {\n",
      },
    ],
  },
  {
    name: "a fold forgets the heads that it needs",
    patches: [
      {
        file: "src/chat/sequencer.ts",
        from: "    for (let i = 0; i < count; i++) {\n",
        to: "    if (count > 0) this.#heads.forget(storedNext);\n    for (let i = 0; i < count; i++) {\n",
      },
      {
        file: "src/chat/sequencer.ts",
        from: "    if (count > 0) {\n",
        to: "    if (count < 0) {\n",
      },
    ],
  },
  {
    name: "an offset is compared with that of an older event",
    patches: [
      {
        file: "gateway/local-conversation.ts",
        from: "    // The offset of `head` is not known.\n    this.#lastOffset = -1;\n",
        to: "",
      },
    ],
  },
  {
    name: "dropped held events stay counted",
    patches: [
      {
        file: "gateway/local-conversation.ts",
        from: "    this.#dropHeld();\n    // The offset",
        to: "    this.#held?.clear();\n    // The offset",
      },
    ],
  },
  {
    name: "a check of the head is not repeated after an error",
    patches: [
      {
        file: "gateway/relay.ts",
        from: "        state.again = true;\n        const { beatIntervalMs }",
        to: "        const { beatIntervalMs }",
      },
    ],
  },
  {
    name: "a check of the head is not repeated when the store was behind",
    patches: [
      {
        file: "gateway/relay.ts",
        from: "        if (!settled && !this.#tail.covers(conversation.topic, conversation.partition))\n          state.again = true;\n",
        to: "",
      },
    ],
  },
  {
    name: "a conversation is forgotten while a subscription opens",
    patches: [
      {
        file: "gateway/relay.ts",
        from: "known !== conversation || known.opening > 0",
        to: "known !== conversation",
      },
    ],
  },
  {
    name: "a failed join stays joined",
    patches: [
      {
        file: "gateway/relay.ts",
        from: "      if (joined) this.member.leave(tenant, name, topic, partition);\n",
        to: "",
      },
    ],
  },
  {
    name: "a cursor is called ahead while the store is behind",
    patches: [
      {
        file: "gateway/commands/subscribe.ts",
        from: "cursor !== undefined && isAhead(cursor, conversation)",
        to: 'cursor !== undefined && isAhead(cursor, conversation) && name === ""',
      },
    ],
  },
  {
    name: "a pause outlives the worker that paused",
    patches: [
      {
        file: "src/group/slot.ts",
        from: "    // Whoever paused is not there any more.\n    this.paused = false;\n",
        to: "",
      },
    ],
  },
  {
    // Each of the three hides the others.
    name: "a replaced worker publishes by its successor's heads, and relays take it",
    patches: [
      {
        file: "consumers/delivery/partition-worker.ts",
        from: "          if (this.#isMember()) this.#fold(batch, prepared, known);\n",
        to: "          this.#fold(batch, prepared, known);\n",
      },
      {
        file: "gateway/relay.ts",
        from: "    if (view?.isReplaced(ownerEpoch)) return;\n",
        to: "",
      },
      {
        file: "gateway/local-conversation.ts",
        from: "    if (ownerEpoch < this.#ownerEpoch) return;\n",
        to: "",
      },
    ],
  },
  {
    name: "a member that leaves cannot be expired",
    patches: [
      {
        file: "src/group/group.ts",
        from: "[...this.members, ...owners].find",
        to: "[...this.members].find",
      },
    ],
  },
  {
    name: "a store finds an id where it was placed first",
    patches: [
      {
        file: "src/adapters/memory/message-store-data.ts",
        from: "    partition.lastById.set(event.id, idEntry(event));\n",
        to: "    if (!partition.lastById.has(event.id)) partition.lastById.set(event.id, idEntry(event));\n",
      },
    ],
  },
  {
    name: "the first beat hides what came after the last look into the store",
    patches: [
      {
        file: "gateway/relay.ts",
        from: "          this.#views.get(name)?.follow();\n",
        to: "",
      },
    ],
  },
];
