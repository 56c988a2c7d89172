import type { Fault, SourceFile } from "./fault.ts";
import { importsOf } from "./imports.ts";
import type { Import } from "./imports.ts";
import { ENDS, layerOf } from "./layers.ts";
import type { Layer } from "./layers.ts";

/** Imports that point where their layer may not look. */
export function edgeFaults(file: SourceFile): Fault[] {
  const layer = layerOf(file.path);
  if (layer === undefined) {
    return [{ path: file.path, message: "belongs to no layer; see test/support/architecture" }];
  }
  const faults: Fault[] = [];
  for (const found of importsOf(file)) {
    const message =
      found.target === undefined
        ? packageFault(layer, found.specifier)
        : fileFault(file.path, layer, found, found.target);
    if (message !== undefined) faults.push({ path: file.path, line: found.line, message });
  }
  return faults;
}

function packageFault(layer: Layer, specifier: string): string | undefined {
  if (layer.packages === "*") return undefined;
  const known = layer.packages.some(
    (name) => specifier === name || specifier.startsWith(`${name}/`),
  );
  if (known) return undefined;
  const allowed = layer.packages.length === 0 ? "no package" : `only ${layer.packages.join(", ")}`;
  return `imports ${specifier}, but ${layer.name} imports ${allowed}; put it behind a port`;
}

function fileFault(
  path: string,
  layer: Layer,
  { specifier, typeOnly }: Import,
  target: string,
): string | undefined {
  if (!/\.[a-z]+$/.test(specifier)) return `imports ${specifier} without its file extension`;
  const other = layerOf(target);
  if (other === undefined) return isAsset(target) ? undefined : `imports ${target}, of no layer`;
  const mayImportEnds = layer.name === "test" || layer.name === "services";
  if (ENDS.includes(other.name) && layer.name !== other.name && !mayImportEnds) {
    return `imports ${target}: nothing but tests imports ${other.name}`;
  }
  if (layer.name === "adapters" && other.name === "adapters") return adapterFault(path, target);
  if (layer.name === other.name || layer.imports === "*") return undefined;
  if (layer.imports.includes(other.name)) return undefined;
  if (layer.types?.includes(other.name) === true) {
    return typeOnly ? undefined : `imports a value of ${target}: only types of ${other.name}`;
  }
  const allowed = layer.imports.length === 0 ? "nothing" : `only ${layer.imports.join(", ")}`;
  return `imports ${target}: ${layer.name} imports ${allowed} besides itself`;
}

function adapterFault(path: string, target: string): string | undefined {
  const [from, to] = [path, target].map((name) => name.split("/")[2]);
  return from === to ? undefined : `imports ${target}: adapters do not know each other`;
}

/** What is imported as text, a file or data; it has no imports of its own. */
function isAsset(target: string): boolean {
  return /\.(json|html|css|svg|txt|sql)$/.test(target);
}
