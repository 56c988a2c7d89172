import type {
  DeadLetterDetail,
  DeadLetterSummary,
  Redriven,
} from "../../src/ports/dead-letters.ts";
import type { DeadLetterBody, DeadLetterDetailBody, RedriveReply } from "../../src/wire/admin.ts";

/** A dead letter as the admin API tells it. */
export function letterBody(letter: DeadLetterSummary): DeadLetterBody {
  const { id, pool, reason, tenant, origin, attempts, keptAt, trace, redrivenAt, obstacle } =
    letter;
  return {
    id,
    pool,
    reason,
    tenant,
    origin,
    attempts,
    ...(keptAt === undefined ? {} : { kept: keptAt }),
    ...(trace === undefined ? {} : { trace }),
    ...(redrivenAt === undefined ? {} : { redriven: redrivenAt }),
    ...(obstacle === undefined ? {} : { obstacle }),
  };
}

export function detailBody(letter: DeadLetterDetail): DeadLetterDetailBody {
  const { key, headers, value, valueChars } = letter;
  return { ...letterBody(letter), key, headers, value, value_chars: valueChars };
}

export function redrivenBody(redriven: Redriven): RedriveReply {
  const { id, message, topic, partition, offset, redrivenAt, marked } = redriven;
  return {
    id,
    message,
    topic,
    partition,
    // Beyond what a number holds exactly in other languages.
    offset: String(offset),
    redriven: redrivenAt,
    marked,
  };
}
