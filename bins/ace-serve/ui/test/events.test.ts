import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
// @ts-expect-error the generator is plain JavaScript
import { render, SCHEMA, TYPES } from "../tools/types.mjs";

test("the event types are those of the schema of today", () => {
  expect(readFileSync(TYPES, "utf8"), "run `npm run types`").toBe(render(JSON.parse(readFileSync(SCHEMA, "utf8"))));
});

test("a keyword that is not understood is refused", () => {
  const schema = JSON.parse(readFileSync(SCHEMA, "utf8"));
  schema.$defs.Mode.oneOf = [];
  expect(() => render(schema)).toThrow("oneOf");
});
