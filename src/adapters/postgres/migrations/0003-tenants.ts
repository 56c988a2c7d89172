import type { Migration } from "./migration.ts";

/** Whatever writes the table, a placement stays, and those who listen hear of the change. */
export const tenantsMigration: Migration = {
  number: 3,
  name: "tenants",
  sql: `
CREATE TABLE tenants (
  name text COLLATE "C" PRIMARY KEY CHECK (name ~ '^[a-z0-9](-?[a-z0-9]){0,39}$' AND length(name) <= 40),
  plan text NOT NULL,
  topic text COLLATE "C" NOT NULL,
  shared boolean NOT NULL,
  partitions integer NOT NULL CHECK (partitions > 0),
  status text NOT NULL CHECK (status IN ('active', 'suspended', 'removing', 'removed')),
  sends_per_second integer CHECK (sends_per_second > 0),
  sends_burst integer CHECK (sends_burst > 0),
  connections integer CHECK (connections > 0),
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX tenants_own_topic ON tenants (topic) WHERE NOT shared;
CREATE INDEX tenants_topic ON tenants (topic);

CREATE FUNCTION tenants_keep_placement() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the placement of tenant % never changes', OLD.name
    USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER tenants_keep_placement BEFORE UPDATE ON tenants FOR EACH ROW
  WHEN ((OLD.name, OLD.topic, OLD.shared, OLD.partitions)
    IS DISTINCT FROM (NEW.name, NEW.topic, NEW.shared, NEW.partitions))
  EXECUTE FUNCTION tenants_keep_placement();

-- What everyone looks at every few seconds: reading all tenants costs too much for that.
CREATE TABLE tenants_version (version bigint NOT NULL);
INSERT INTO tenants_version VALUES (0);
CREATE FUNCTION tenants_counted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE tenants_version SET version = version + 1;
  RETURN NULL;
END $$;
CREATE TRIGGER tenants_counted AFTER INSERT OR UPDATE OR DELETE ON tenants
  FOR EACH STATEMENT EXECUTE FUNCTION tenants_counted();

CREATE FUNCTION tenants_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('tidegate_tenants', TG_TABLE_SCHEMA);
  RETURN NULL;
END $$;
CREATE TRIGGER tenants_changed AFTER INSERT OR UPDATE OR DELETE ON tenants
  FOR EACH STATEMENT EXECUTE FUNCTION tenants_changed();
`,
};
