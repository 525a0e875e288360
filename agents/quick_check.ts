/**
 * Checks hot messages by a valibot schema without its bookkeeping: a value that is plainly right is passed through as it is; every
 * other one goes to valibot, which says what is wrong, or takes off what does not belong. So the two can only agree.
 */
import * as v from "valibot";

type Schema = v.GenericSchema;
/** Whether a value is certainly what the schema's output would be; `false` settles nothing. */
type Check = (value: unknown) => boolean;

/**
 * Makes a check of a schema; costs as much as a few messages, so do it once.
 *
 * @returns what `v.safeParse(schema, value)` would, but the value itself where nothing had to be taken off.
 */
export function quickParse<TSchema extends Schema>(
  schema: TSchema,
): (value: unknown) => { readonly success: true; readonly output: v.InferOutput<TSchema> } | {
  readonly success: false;
  readonly issues: readonly [v.BaseIssue<unknown>, ...v.BaseIssue<unknown>[]];
} {
  const check = compile(schema);
  return (value) => {
    if (check(value)) return { success: true, output: value as v.InferOutput<TSchema> };
    const parsed = v.safeParse(schema, value);
    return parsed.success ? { success: true, output: parsed.output } : {
      success: false,
      issues: parsed.issues,
    };
  };
}

const NEVER: Check = () => false;

/** What of a schema's making is used here; valibot's types know each maker apart, and not a schema in general. */
interface Made {
  readonly type: string;
  readonly pipe?: readonly { readonly kind: string; readonly type: string }[];
  readonly entries?: Readonly<Record<string, Schema>>;
  readonly item?: Schema;
  readonly wrapped?: Schema;
  readonly key?: unknown;
  readonly value?: Schema;
  readonly literal?: unknown;
  readonly options?: readonly unknown[];
  readonly class?: unknown;
}

function compile(schema: Schema): Check {
  const made = schema as unknown as Made;
  if (!made.pipe) return compileType(made);
  const [first, ...actions] = made.pipe;
  const checks = [
    compileType(first as unknown as Made),
    ...actions.map((action) => compileAction(action)),
  ];
  return (value) => checks.every((check) => check(value));
}

function compileType(made: Made): Check {
  switch (made.type) {
    case "string":
      return (value) => typeof value === "string";
    case "number":
      return (value) => typeof value === "number" && !Number.isNaN(value);
    case "boolean":
      return (value) => typeof value === "boolean";
    case "unknown":
      return () => true;
    case "literal":
      return (value) => value === made.literal;
    case "picklist": {
      const options = new Set(made.options);
      return (value) => options.has(value);
    }
    case "instance": {
      const { class: one } = made;
      return typeof one === "function" ? (value) => value instanceof one : NEVER;
    }
    case "exact_optional":
      return made.wrapped ? compile(made.wrapped) : NEVER;
    case "union":
    case "variant": {
      const checks = (made.options ?? []).map((option) => compile(option as Schema));
      return (value) => checks.some((check) => check(value));
    }
    case "array": {
      const check = made.item ? compile(made.item) : NEVER;
      return (value) => Array.isArray(value) && value.every(check);
    }
    case "record":
      return made.value && (made.key as Made | undefined)?.type === "string" &&
          !(made.key as Made).pipe
        ? compileRecord(compile(made.value))
        : NEVER;
    case "object":
      return made.entries ? compileObject(made.entries, false) : NEVER;
    case "loose_object":
      return made.entries ? compileObject(made.entries, true) : NEVER;
    default:
      return NEVER;
  }
}

/** An action of a pipe that only looks; one that changes the value, or that is not known here, is valibot's. */
function compileAction(action: { readonly kind: string; readonly type: string }): Check {
  if (action.kind !== "validation" || !("requirement" in action)) return NEVER;
  const { requirement } = action;
  switch (action.type) {
    case "integer":
      return (value) => Number.isInteger(value);
    case "finite":
      return (value) => Number.isFinite(value);
    case "min_value":
      return (value) =>
        typeof value === "number" && typeof requirement === "number" && value >= requirement;
    case "max_length":
      return (value) =>
        typeof value === "string" && typeof requirement === "number" && value.length <= requirement;
    case "regex":
      return requirement instanceof RegExp && !requirement.global && !requirement.sticky
        ? (value) => typeof value === "string" && requirement.test(value)
        : NEVER;
    default:
      return NEVER;
  }
}

/** Names that valibot takes off wherever they are. */
function isOdd(name: string): boolean {
  return name === "__proto__" || name === "prototype" || name === "constructor";
}

/** A plain object: with JSON and structured clones there are no others, and inherited fields would be none of ours. */
function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null &&
    Object.getPrototypeOf(value) === Object.prototype;
}

function compileRecord(check: Check): Check {
  return (value) => {
    if (!isPlain(value)) return false;
    for (const name in value) if (isOdd(name) || !check(value[name])) return false;
    return true;
  };
}

function compileObject(entries: Readonly<Record<string, Schema>>, loose: boolean): Check {
  const checks = new Map<string, Check>();
  const needed: string[] = [];
  for (const [name, schema] of Object.entries(entries)) {
    checks.set(name, compile(schema));
    if ((schema as unknown as Made).type !== "exact_optional") needed.push(name);
  }
  return (value) => {
    if (!isPlain(value)) return false;
    for (const name of needed) if (!Object.hasOwn(value, name)) return false;
    for (const name in value) {
      const check = checks.get(name);
      if (check ? !check(value[name]) : !loose || isOdd(name)) return false;
    }
    return true;
  };
}
