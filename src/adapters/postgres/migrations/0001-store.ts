import type { Migration } from "./migration.ts";

export const storeMigration: Migration = {
  number: 1,
  name: "store",
  sql: `
CREATE TABLE tenant_names (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text COLLATE "C" NOT NULL UNIQUE
);
`,
};
