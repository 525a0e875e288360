/** Finds one's way in a zod schema by the path of a document. */
import * as z from "zod";

/** The value at a path of a document; `undefined` where there is none. */
export function valueAt(document: unknown, path: readonly PropertyKey[]): unknown {
  let value = document;
  for (const key of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return value;
}

/** What may stand inside a schema once defaults and the like are taken off. */
export function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  let inner = schema;
  while (
    inner instanceof z.ZodOptional || inner instanceof z.ZodDefault ||
    inner instanceof z.ZodPrefault ||
    inner instanceof z.ZodReadonly
  ) inner = inner.def.innerType;
  return inner;
}

/** Every branch of a union, nested ones too; the schema itself where it is none. */
export function branches(schema: z.core.$ZodType): z.core.$ZodType[] {
  const inner = unwrap(schema);
  return inner instanceof z.ZodUnion ? inner.def.options.flatMap(branches) : [inner];
}

/**
 * What the schema allows at a path: names of fields (`keys`), kinds of value (`kinds`), or literal values (`values`).
 *
 * @param document The document as found: where unions branch by a field's value (`agent: "smtp"`), it chooses.
 */
export function allowedAt(
  schema: z.core.$ZodType,
  path: readonly PropertyKey[],
  document: unknown,
  what: "keys" | "kinds" | "values" = "keys",
): string[] {
  let here = branches(schema);
  let value = document;
  for (const key of path) {
    here = fitting(here, value).flatMap((one) => below(one, key)).flatMap(branches);
    value = valueAt(value, [key]);
  }
  const found = what === "kinds"
    ? here.map((one) => one._zod.def.type)
    : what === "values"
    ? here.flatMap((one) => one instanceof z.ZodLiteral ? [...one.values].map(String) : [])
    : fitting(here, value).flatMap((one) =>
      one instanceof z.ZodObject ? Object.keys(one.shape) : []
    );
  return [...new Set(found)];
}

/** Of several objects, those whose literal fields equal the value's. */
function fitting(options: readonly z.core.$ZodType[], value: unknown): readonly z.core.$ZodType[] {
  const fit = options.filter((option) =>
    !(option instanceof z.ZodObject) ||
    Object.entries(option.shape as Record<string, z.core.$ZodType>).every(([key, field]) =>
      !(field instanceof z.ZodLiteral) || field.values.has(valueAt(value, [key]) as string)
    )
  );
  return fit.length > 0 ? fit : options;
}

function below(schema: z.core.$ZodType, key: PropertyKey): z.core.$ZodType[] {
  if (schema instanceof z.ZodObject) {
    const shape: Record<PropertyKey, z.core.$ZodType> = schema.shape;
    return Object.hasOwn(shape, key) ? [shape[key]!] : [];
  }
  if (schema instanceof z.ZodArray) return [schema.element];
  if (schema instanceof z.ZodRecord) return [schema.valueType];
  return [];
}
