// Work for when the browser is at rest; Safari has no such call and gets a moment's wait instead.
export const whenIdle = globalThis.requestIdleCallback?.bind(globalThis) ?? ((work) => setTimeout(work, 50));
