// Work for when the browser is at rest; Safari has no such call and gets a moment's wait instead.
export const whenIdle = globalThis.requestIdleCallback?.bind(globalThis) ?? ((work) => setTimeout(work, 50));

/** The same, but not before what a key changed shows: a browser may call itself at rest between key and frame. */
export function whenShown(work, options) { requestAnimationFrame(() => whenIdle(work, options)); }
