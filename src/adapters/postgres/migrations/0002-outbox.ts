import type { Migration } from "./migration.ts";

/*
 * A partition's row is locked by a put until its commit, so that numbers follow the order of the
 * commits; an identity column would not, as a later number may commit first. Messages are numbered
 * by an identity all the same: a user's transaction may be long, and must hold up nobody. They are
 * taken by what is there and not by "larger than the last", so that none is passed over.
 */
export const outboxMigration: Migration = {
  number: 2,
  name: "outbox",
  sql: `
CREATE TABLE outbox_partitions (
  topic text COLLATE "C" NOT NULL,
  partition integer NOT NULL,
  last_number bigint NOT NULL,
  done_number bigint NOT NULL DEFAULT 0,
  chars bigint NOT NULL,
  PRIMARY KEY (topic, partition)
) WITH (fillfactor = 50);

CREATE TABLE outbox_rows (
  topic text COLLATE "C" NOT NULL,
  partition integer NOT NULL,
  number bigint NOT NULL,
  key text NOT NULL,
  headers text NOT NULL,
  value text NOT NULL,
  put_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (topic, partition, number)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000);

CREATE TABLE outbox_messages (
  number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant text NOT NULL,
  conversation text NOT NULL,
  sender text NOT NULL,
  key text NOT NULL,
  kind text NOT NULL,
  content text NOT NULL,
  put_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000);

CREATE TABLE outbox_parked (
  number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  origin text NOT NULL,
  reason text NOT NULL,
  key text NOT NULL,
  headers text NOT NULL,
  value text NOT NULL,
  parked_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE FUNCTION outbox_put(
  tenant text,
  conversation text,
  sender text,
  content text,
  key text DEFAULT NULL,
  kind text DEFAULT 'text'
) RETURNS text
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
  -- A UUIDv7 (RFC 9562, 5.7): a random UUID with the time in front and the version's bits set.
  chosen text := coalesce(key, encode(set_bit(set_bit(overlay(
    uuid_send(gen_random_uuid())
    PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
    FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::uuid::text);
BEGIN
  IF json_typeof(content::json) IS DISTINCT FROM 'object' THEN
    RAISE EXCEPTION 'content is not a JSON object' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF chosen !~ '^[A-Za-z0-9_-]{16,64}$' THEN
    RAISE EXCEPTION 'key is not 16 to 64 of A-Z a-z 0-9 _ -' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  INSERT INTO outbox_messages (tenant, conversation, sender, key, kind, content)
  VALUES (outbox_put.tenant, outbox_put.conversation, outbox_put.sender, chosen,
    outbox_put.kind, outbox_put.content);
  RETURN chosen;
END
$$;
`,
};
