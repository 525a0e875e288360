/** JSON Schemas for editors, and the reference page, from the zod schemas alone. */
import * as z from "zod";
import { configSchema } from "./config.ts";
import { policySchema } from "./schema.ts";
import { branches, unwrap } from "./schema_walk.ts";

/** JSON Schema (2020-12) of `policy.ts`. */
export function policyJsonSchema(): Record<string, unknown> {
  return {
    title: "Postern policy",
    ...z.toJSONSchema(policySchema, { io: "input", reused: "ref" }),
  };
}

/** JSON Schema (2020-12) of `postern.config.ts`. */
export function configJsonSchema(): Record<string, unknown> {
  return {
    title: "Postern node configuration",
    ...z.toJSONSchema(configSchema, { io: "input", reused: "ref" }),
  };
}

/** Longest list of values that is written out in a cell. */
const MAX_VALUES = 20;

/** The reference of `policy.ts` as Markdown. */
export function policyReference(): string {
  return page("policy.ts", policySchema);
}

/** The reference of `postern.config.ts` as Markdown. */
export function configReference(): string {
  return page("postern.config.ts", configSchema);
}

function page(title: string, schema: z.core.$ZodType): string {
  const sections: string[] = [];
  const done = new Set<z.core.$ZodType>();
  const queue: { readonly path: string; readonly schema: z.core.$ZodType }[] = [{
    path: "",
    schema,
  }];
  for (let next = queue.shift(); next; next = queue.shift()) {
    for (const object of branches(next.schema)) {
      if (!(object instanceof z.ZodObject) || done.has(object)) continue;
      done.add(object);
      const path = next.path;
      const rows = Object.entries(object.shape as Record<string, z.core.$ZodType>).map(
        ([key, field]) => {
          const below = path === "" ? key : `${path}.${key}`;
          queue.push(...inner(field, below));
          return `| \`${key}\` | ${kindOf(field)} | ${defaultOf(field)} | ${cell(textOf(field))} |`;
        },
      );
      sections.push(
        [
          `## ${path === "" ? "The document" : `\`${path}\``}`,
          "",
          ...(textOf(object) === "" ? [] : [textOf(object), ""]),
          "| field | takes | default | meaning |",
          "| --- | --- | --- | --- |",
          ...rows,
        ].join("\n"),
      );
    }
  }
  return `# Reference of \`${title}\`\n\nMade from the schema; what it does not list is refused.\n\n${
    sections.join("\n\n")
  }\n`;
}

/** Objects inside a field, with their paths: `[]` behind lists, `.NAME` behind records. */
function inner(schema: z.core.$ZodType, path: string): { path: string; schema: z.core.$ZodType }[] {
  return branches(schema).flatMap((one) => {
    if (one instanceof z.ZodObject) return [{ path, schema: one }];
    if (one instanceof z.ZodArray) {
      return inner(one.element, path.endsWith("[]") ? path : `${path}[]`);
    }
    if (one instanceof z.ZodRecord) return inner(one.valueType, `${path}.NAME`);
    return [];
  });
}

function kindOf(schema: z.core.$ZodType): string {
  const kinds = branches(schema).map((one) => {
    if (one instanceof z.ZodArray) return `list of (${kindOf(one.element)})`;
    if (one instanceof z.ZodEnum) {
      const values = one.options.map((value) => `\`${String(value)}\``);
      return values.length > MAX_VALUES
        ? `${values.slice(0, MAX_VALUES).join(", ")}, ...`
        : values.join(", ");
    }
    if (one instanceof z.ZodLiteral) {
      return [...one.values].map((value) => `\`${String(value)}\``).join(", ");
    }
    if (one instanceof z.ZodObject) {
      return Object.keys(one.shape).length <= 2
        ? `\`{ ${Object.keys(one.shape).join(", ")} }\``
        : "object";
    }
    if (one instanceof z.ZodRecord) return "objects by name";
    if (one instanceof z.ZodString) return textOf(one) || "text";
    if (one instanceof z.ZodBoolean) return "`true`, `false`";
    if (one instanceof z.ZodNumber) return one.isInt ? "whole number" : "number";
    return one._zod.def.type;
  });
  // "x, or a list of x" is how any-of reads.
  const last = kinds.at(-1);
  for (let first = 0; first < kinds.length - 1; first++) {
    if (last === `list of (${cell(kinds.slice(first, -1).join(", or "))})`) {
      return cell([...kinds.slice(0, -1), "a list"].join(", or "));
    }
  }
  return cell([...new Set(kinds)].join(", or "));
}

function defaultOf(schema: z.core.$ZodType): string {
  if (schema instanceof z.ZodDefault) return `\`${JSON.stringify(schema.def.defaultValue)}\``;
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodPrefault) return "";
  return "required";
}

function textOf(schema: z.core.$ZodType): string {
  const own = schema instanceof z.ZodType ? schema.description : undefined;
  if (own !== undefined) return own;
  const below = unwrap(schema);
  return below !== schema && below instanceof z.ZodType ? below.description ?? "" : "";
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("\n", " ");
}
