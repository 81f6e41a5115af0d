import net from 'node:net';

/** Unit tests may use loopback and Unix sockets (servers that they start), nothing else. */
const connect = net.Socket.prototype.connect;
net.Socket.prototype.connect = function (...args) {
  const options = Array.isArray(args[0]) ? args[0][0] : args[0];
  const host =
    typeof options === 'object' && options !== null ? (options.path ? 'unix' : options.host) : args[1];
  if (host !== undefined && !['unix', 'localhost', '127.0.0.1', '::1'].includes(host))
    throw new Error(`a unit test tried to reach ${String(host)}`);
  return connect.apply(this, args);
};
