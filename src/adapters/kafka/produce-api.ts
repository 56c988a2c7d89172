import { type Connection, type Reader, Writer } from "@platformatic/kafka";

/** One partition's record batch in a request. */
export interface ProducePartition {
  readonly topic: string;
  readonly partition: number;
  readonly batch: Buffer;
}

export interface ProduceAnswer {
  readonly topic: string;
  readonly partition: number;
  readonly errorCode: number;
  readonly baseOffset: number;
  readonly message: string | null;
}

const PRODUCE = 0;
/** The first one with compact fields; every broker since 2.4 takes it. */
const VERSION = 9;
const ACKS_ALL = -1;

/**
 * Sends one produce request, acks=all. Errors of partitions are in the answers; the library's own
 * function throws when any partition has one.
 *
 * @param timeoutMs for the replicas
 * @throws the library's error when there was no answer: what was sent may be written or not
 */
export function produce(
  connection: Connection,
  partitions: readonly ProducePartition[],
  timeoutMs: number,
  transactionalId: string | null = null,
): Promise<readonly ProduceAnswer[]> {
  const topics = new Map<string, ProducePartition[]>();
  for (const partition of partitions) {
    const found = topics.get(partition.topic);
    if (found === undefined) topics.set(partition.topic, [partition]);
    else found.push(partition);
  }
  const request = (): Writer =>
    Writer.create()
      .appendString(transactionalId)
      .appendInt16(ACKS_ALL)
      .appendInt32(timeoutMs)
      .appendArray([...topics], (topicWriter, [topic, batches]) => {
        topicWriter.appendString(topic).appendArray(batches, (writer, { partition, batch }) => {
          writer.appendInt32(partition).appendBytes(batch);
        });
      })
      .appendTaggedFields();
  return new Promise((resolve, reject) => {
    connection.send(PRODUCE, VERSION, request, parseAnswers, true, true, (error, answers) => {
      if (error === null) resolve(answers as ProduceAnswer[]);
      else reject(error);
    });
  });
}

function parseAnswers(_: number, __: number, ___: number, reader: Reader): ProduceAnswer[] {
  const answers: ProduceAnswer[] = [];
  reader.readArray((topicReader) => {
    const topic = topicReader.readString();
    topicReader.readArray((r) => {
      const partition = r.readInt32();
      const errorCode = r.readInt16();
      const baseOffset = Number(r.readInt64());
      r.readInt64();
      r.readInt64();
      r.readArray((inner) => {
        inner.readInt32();
        inner.readNullableString();
      });
      answers.push({ topic, partition, errorCode, baseOffset, message: r.readNullableString() });
    });
  });
  return answers;
}
