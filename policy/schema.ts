/**
 * The document `policy.ts`. The zod schema is the single source of the types, the run-time check, the JSON Schema and the
 * reference page; its parts are in policy/schema/.
 */
import * as z from "zod";
import { anyOf, conditionSchema } from "./schema/condition.ts";
import { type SettingsInput, settingsSchema, thenSchema } from "./schema/settings.ts";
import {
  addressPattern,
  domainPattern,
  exactName,
  extension,
  glob,
  network,
} from "./schema/text.ts";

export { type Condition, type ConditionInput, conditionSchema } from "./schema/condition.ts";
export {
  type Settings,
  type SettingsInput,
  settingsSchema,
  type Then,
  thenSchema,
} from "./schema/settings.ts";

/** One list: what it holds, by what asks it. */
export const listSchema = z.strictObject({
  senders: z.array(addressPattern).optional().describe("asked by sender"),
  recipients: z.array(addressPattern).optional().describe("asked by recipient and by groups"),
  clients: z.array(network).optional().describe("asked by client"),
  names: z.array(glob).optional().describe("host names: asked by clientName and helo"),
  users: z.array(glob).optional().describe("asked by user"),
  subjects: z.array(glob).optional().describe("asked by subject"),
  findings: z.array(glob).optional().describe("asked by finding and infected"),
  attachments: z.array(glob).optional().describe("file names: asked by attachment.name"),
  extensions: z.array(extension).optional().describe("asked by attachment.extension"),
});

/** One rule. */
export const ruleSchema = z.strictObject({
  name: exactName.optional().describe(
    "shown in logs and explanations; default: its place, rules[3]",
  ),
  when: conditionSchema.optional().describe("default: every mail"),
  then: thenSchema,
});

/** One group of recipients with settings of their own. */
export const groupSchema = z.strictObject({
  recipients: anyOf(z.union([
    addressPattern,
    z.strictObject({ list: z.string().describe("name of a list of this document") }),
  ])).optional().describe(
    "members; a recipient of several groups belongs to the one that names it most exactly",
  ),
  parent: z.string().optional().describe(
    "group that gives the settings which this one leaves open",
  ),
  settings: settingsSchema.optional(),
});

/** policy.ts. */
export const policySchema = z.strictObject({
  local: z.strictObject({
    domains: z.array(domainPattern).default([]).describe("domains whose mail is delivered here"),
    networks: z.array(network).default([]).describe("clients that send from inside"),
  }).prefault({}).describe("what is inside: tells inbound, outbound and internal apart"),
  lists: z.record(exactName, listSchema).default({}).describe(
    "addresses and names that rules share",
  ),
  settings: settingsSchema.prefault({}).describe(
    "what holds where no rule and no group says otherwise",
  ),
  rules: z.array(ruleSchema).default([]).describe(
    "in order; the first that matches wins, for each setting apart",
  ),
  groups: z.record(exactName, groupSchema).default({}).describe(
    "recipients with settings of their own",
  ),
});

/** The document, checked, with defaults filled in. */
export type Policy = z.output<typeof policySchema>;
/** One list, checked. */
export type PolicyList = z.output<typeof listSchema>;
/** One rule, checked. */
export type PolicyRule = z.output<typeof ruleSchema>;
/** One group, checked. */
export type PolicyGroup = z.output<typeof groupSchema>;

// By import, as what `deno doc` shows of the library names no schema.
/** `local` as people write it. */
export type LocalInput = NonNullable<
  (typeof import("./schema.ts"))["policySchema"]["_zod"]["input"]["local"]
>;
/** One list as people write it. */
export type ListInput = (typeof import("./schema.ts"))["listSchema"]["_zod"]["input"];
/** One rule as people write it. */
export type RuleInput = (typeof import("./schema.ts"))["ruleSchema"]["_zod"]["input"];
/** One group as people write it. */
export type GroupInput = (typeof import("./schema.ts"))["groupSchema"]["_zod"]["input"];

/** The document's input type with the names of lists and groups narrowed to those that the document has. */
export type Named<T, List extends string, Group extends string> = T extends readonly (infer Item)[]
  ? readonly Named<Item, List, Group>[]
  : T extends object ? {
      readonly [Key in keyof T]: Key extends "list" ? List
        : Key extends "group" ? Group
        : Key extends "parent" ? Group | Extract<T[Key], undefined>
        : Named<T[Key], List, Group>;
    }
  : T;

/**
 * The document as people write it. `List` and `Group` are the names it defines: only they can be used.
 */
export interface PolicyInput<List extends string = string, Group extends string = string> {
  /** The domains and networks that are ours. */
  readonly local?: Named<
    LocalInput,
    never,
    never
  >;
  /** Named lists of addresses, networks and texts. */
  readonly lists?: Readonly<
    Record<List, Named<ListInput, never, never>>
  >;
  /** What holds where no rule and no group says otherwise. */
  readonly settings?: Named<
    SettingsInput,
    never,
    never
  >;
  /** In order; for each setting the first that matches wins. */
  readonly rules?: readonly Named<
    RuleInput,
    NoInfer<List>,
    NoInfer<Group>
  >[];
  /** Recipients with settings of their own. */
  readonly groups?: Readonly<
    Record<
      Group,
      Named<
        GroupInput,
        NoInfer<List>,
        NoInfer<Group>
      >
    >
  >;
}
