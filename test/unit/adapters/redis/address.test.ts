import { expect, test } from "bun:test";
import { parseRedisUrl } from "../../../../src/adapters/redis/address.ts";

test.each([
  ["redis://localhost", { mode: "single", hosts: [{ host: "localhost", port: 6379 }], db: 0 }],
  ["redis://h:7000/2", { hosts: [{ host: "h", port: 7000 }], db: 2, tls: false }],
  ["rediss://ana:p%40ss%2F@h", { tls: true, username: "ana", password: "p@ss/" }],
  ["redis://:secret@h", { username: undefined, password: "secret" }],
  ["redis://[::1]:7000", { hosts: [{ host: "::1", port: 7000 }] }],
  [
    "redis+sentinel://s1,s2:27000/main/3?sentinel_password=x%20y",
    {
      mode: "sentinel",
      hosts: [
        { host: "s1", port: 26379 },
        { host: "s2", port: 27000 },
      ],
      master: "main",
      db: 3,
      sentinelPassword: "x y",
    },
  ],
  ["rediss+cluster://a,b:7001", { mode: "cluster", tls: true, master: undefined }],
])("%s is understood", (url, expected) => expect(parseRedisUrl(url)).toMatchObject(expected));

test.each([
  ["http://h", "is not of the form"],
  ["redis://", "is not of the form"],
  ["redis+ring://h", "is not of the form"],
  ["redis://a,b", "several hosts"],
  ["redis+sentinel://a,b", "no master's name"],
  ["redis+cluster://a/1", "number of a database"],
  ["redis://h/x", "no number of a database"],
  ["redis://h/1/2", "no number of a database"],
  ["redis://h:0", "a host that is none"],
  ["redis://h:99999", "a host that is none"],
  ["redis://h h", "a host that is none"],
  ["redis://:%zz-s3cret@h", "percent-encoded"],
])("%s is refused", (url, reason) => {
  let message = "";
  try {
    parseRedisUrl(url);
  } catch (error) {
    expect(error).toBeInstanceOf(RangeError);
    message = (error as Error).message;
  }
  expect(message).toContain(reason);
  expect(message).not.toContain("s3cret");
});
