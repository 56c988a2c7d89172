import type { LogRecord } from "./record.ts";

const VERSION = "1";

/** Who publishes, and through what. */
export interface EventOrigin {
  readonly tenant: string;
  readonly user: string;
  /** Name of the gateway. */
  readonly source: string;
  /** Hash of tenant and user: nobody else's ids can be equal. */
  readonly scope: string;
}

/** What is the same in all records of one type of one origin, as text. */
export interface EventTemplate {
  readonly keyPrefix: string;
  /** One object for all records. */
  readonly headers: Readonly<Record<string, string>>;
  readonly idEnd: string;
  readonly beforePayload: string;
}

export function eventTemplate(origin: EventOrigin, type: string): EventTemplate {
  const { tenant, user, source, scope } = origin;
  return {
    keyPrefix: `${tenant}/`,
    headers: { tenant },
    idEnd: `.${scope}","type":"${type}","timestamp":`,
    beforePayload: `,"tenant_id":"${tenant}","version":"${VERSION}","metadata":{"source":${JSON.stringify(source)},"user_id":${JSON.stringify(user)}},"payload":`,
  };
}

/**
 * The record of an event that is not chat's: `{"id","type","timestamp"` ⋯ envelope ⋯ `"payload"}`.
 *
 * @param recordKey its tenant's prefix included
 * @param id without scope, which is added here
 * @param timestamp decimal
 * @param payload JSON text without line breaks
 */
export function encodeEventRecord(
  template: EventTemplate,
  recordKey: string,
  id: string,
  timestamp: string,
  payload: string,
): LogRecord {
  return {
    key: recordKey,
    headers: template.headers,
    value: `{"id":"${id}${template.idEnd}${timestamp}${template.beforePayload}${payload}}`,
  };
}

/** What {@link EventOrigin.scope} is the hash of. */
export function eventScopeInput(tenant: string, user: string): string {
  return JSON.stringify([tenant, user]);
}
