import { createMemoryTracer } from "../../src/adapters/memory/tracer.ts";
import { tracerConformance } from "./tracer.ts";

tracerConformance(() => {
  const tracer = createMemoryTracer(20);
  return {
    tracer,
    arrived: () => tracer.spans,
    spansMax: 20,
    [Symbol.asyncDispose]: () => tracer.close(),
  };
});
