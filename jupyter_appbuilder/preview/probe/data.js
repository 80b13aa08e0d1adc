// Datasets whose files were replaced: told to the page, which loads them again. Asked for once the page reads any.

addEventListener("appbuilder:reads-data", () => {
  const PAUSE = [500, 30_000]; // milliseconds between tries, at first and at most
  const address = new URL(own + "data");
  address.protocol = address.protocol.replace("http", "ws");
  let known = config.replaced; // as it was when this page was served
  let pause = PAUSE[0];

  function listen() {
    const socket = new NativeSocket(address);
    socket.addEventListener("message", ({ data }) => {
      pause = PAUSE[0];
      const before = known;
      known = JSON.parse(data);
      for (const name of Object.keys(known)) {
        if (known[name] !== before[name]) dispatchEvent(new CustomEvent("appbuilder:data", { detail: name }));
      }
    });
    socket.addEventListener("close", () => {
      setTimeout(listen, pause);
      pause = Math.min(2 * pause, PAUSE[1]);
    });
  }
  listen();
}, { once: true });
