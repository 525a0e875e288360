import assert from "node:assert/strict";
import {
  configJsonSchema,
  configReference,
  policyJsonSchema,
  policyReference,
} from "./reference.ts";
import { conditionSchema, policySchema, settingsSchema } from "./schema.ts";

Deno.test("policyReference() names every attribute and setting once, with its meaning", {
  permissions: "none",
}, () => {
  const page = policyReference();
  for (const name of Object.keys(policySchema.shape)) {
    assert.match(page, new RegExp(`^\\| \`${name}\``, "m"));
  }
  for (const name of Object.keys(conditionSchema.shape)) {
    assert.match(page, new RegExp(`^\\| \`${name}\` \\|`, "m"), name);
  }
  for (const name of Object.keys(settingsSchema.shape)) {
    assert.match(page, new RegExp(`^\\| \`${name}\` \\|`, "m"), name);
  }
  assert.match(page, /^## `rules\[\]\.when`$/m);
  assert.match(page, /^## `settings\.antivirus`$/m);
  assert(!page.includes("undefined"));
});

Deno.test("configReference() names every section", { permissions: "none" }, () => {
  assert.match(configReference(), /^## `agents\[\]`$/m);
});

Deno.test("policyJsonSchema() and configJsonSchema() are JSON Schemas that survive JSON", {
  permissions: "none",
}, () => {
  for (const schema of [policyJsonSchema(), configJsonSchema()]) {
    assert.deepEqual(JSON.parse(JSON.stringify(schema)), schema);
    assert.equal(schema.$schema, "https://json-schema.org/draft/2020-12/schema");
    assert.equal(schema.type, "object");
  }
});
