/**
 * Postern as a library: scan octets for what should not be in mail, and decide by a policy what becomes of it.
 *
 * @module
 */

export { scan } from "./engine/scan.ts";
export type { Tools } from "./engine/unpack/unpacker.ts";
export { SevenZipTool } from "./engine/unpack/foreign/sevenzip_tool.ts";
export {
  builtinModules,
  type ModuleInfo,
  type Modules,
  openModules,
} from "./engine/detect/modules.ts";
export { type BuiltModule, ModuleBuild } from "./engine/detect/module_build.ts";
export { MODULE_KINDS, type ModuleHeader, type ModuleKind } from "./engine/detect/module_file.ts";
export { type SourceReport, type Unused } from "./engine/detect/sources/lines.ts";
export {
  type Ambiguity,
  CLEAN_MODES,
  type CleanMode,
  ENGINE_FAILURES,
  type EngineFailure,
  type EngineReport,
  type Finding,
  type HeaderValue,
  type MessageLayout,
  NOT_SCANNED_REASONS,
  NOTICE_LANGUAGES,
  type NoticeLanguage,
  type NotScannedReason,
  type OctetRange,
  type PartReport,
  SCAN_STATUSES,
  type ScanLimits,
  type ScanSettings,
  type ScanStatus,
  type ScanUsage,
  type SpamSymptom,
  type Verdict,
} from "./engine/types.ts";
export { type CompileOptions, compilePolicy } from "./policy/compile.ts";
export { type Config, type ConfigInput, defineConfig } from "./policy/config.ts";
export { TREE_VERSION } from "./policy/tree.ts";
export { decide, prepareTree } from "./policy/decide.ts";
export { definePolicy } from "./policy/define.ts";
export { directionOf } from "./policy/direction.ts";
export { type DocumentIssue, PolicyDocumentError } from "./policy/document_error.ts";
export { scanSettings } from "./policy/scan_settings.ts";
export type {
  GroupInput,
  ListInput,
  LocalInput,
  Named,
  PolicyInput,
  RuleInput,
  SettingsInput,
} from "./policy/schema.ts";
export type { SlotValue } from "./policy/slots.ts";
export {
  definePolicyTest,
  type ExpectationInput,
  type PolicyTestInput,
} from "./policy/test_document.ts";
export type { MailInput } from "./policy/mail.ts";
export { strictest } from "./policy/strictest.ts";
export type {
  AttachmentAtom,
  DecisionTree,
  EnumAtom,
  NumberAtom,
  PresenceAtom,
  SlotList,
  TreeAtom,
  TreeEffect,
  TreeGroup,
  TreeIndex,
  TreeKeys,
  TreeNumberIndex,
  TreeRules,
  TreeTable,
} from "./policy/tree.ts";
export {
  type Action,
  ACTIONS,
  AGENT_NAMES,
  type AgentName,
  AMBIGUOUS_MODES,
  type AmbiguousMode,
  type AttachmentFact,
  type Direction,
  DIRECTIONS,
  type Envelope,
  type Facts,
  GREYLIST_ACTIONS,
  type GreylistAction,
  HANDLE_ACTIONS,
  type HandleAction,
  type Outcome,
  type Phase,
  PHASES,
  REPORT_STATUSES,
  type ReportStatus,
  type ResolvedSettings,
} from "./policy/types.ts";
export { verdictFacts } from "./policy/verdict_facts.ts";
export { ERROR_CODES, type ErrorCode, PosternError } from "./errors.ts";
