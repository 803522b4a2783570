/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cause - the named reasons why a handshake, a connect or a connection fails.
 *
 * One list for both ends. The name is the machine's word (JSON, log field),
 * the text is one line for people, the hint is the next step. Every failed
 * handshake and connect ends as exactly one of these.
 */
#pragma once

/* clang-format off */
/*    symbol                  name                    text                                        hint */
#define CAUSES(X) \
	X(NONE,               "none",                 "no error",                                 "") \
	X(OS,                 "os-error",             "the operating system refused",             "see the error behind it") \
	X(REFUSED,            "connection-refused",   "nobody listens at that address",           "check address and port, and that the target runs") \
	X(UNREACHABLE,        "unreachable",          "the address cannot be reached",            "check the address, routing and firewalls") \
	X(RESOLVE,            "address-invalid",      "the address cannot be understood",         "give an IPv4 or IPv6 address or a name that resolves") \
	X(CONNECT_TIMEOUT,    "tcp-timeout",          "no TCP connection in time",                "check address, port and firewalls") \
	X(PEER_CLOSED,        "peer-closed",          "the peer closed the connection",           "see the peer's log") \
	X(PEER_RESET,         "peer-reset",           "the peer reset the connection",            "see the peer's log") \
	X(SHUTDOWN,           "shutdown",             "this end is stopping",                     "") \
	X(TOO_MANY,           "too-many-connections", "too many unfinished connections",          "wait, or raise the target's limits for unfinished connections") \
	X(NO_MEMORY,          "no-memory",            "out of memory",                            "lower the number of queues or their size") \
	X(TLS_ON_PLAIN,       "tls-on-plaintext-port", "a TLS ClientHello came to a port without TLS", "leave out --tls, or set the port's addr_tsas to tls1.3") \
	X(PLAIN_ON_TLS,       "plaintext-on-tls-port", "plaintext NVMe/TCP came to a port that requires TLS", "connect with --tls") \
	X(NOT_NVME,           "not-nvme-tcp",         "the first bytes are neither TLS nor NVMe/TCP", "check what speaks to this port") \
	X(CLOSED_AFTER_HELLO, "closed-after-clienthello", "the peer closed after our ClientHello: the PSK may be unknown or different there, or the port without TLS", "the target's log has the cause; insert the same key on both ends (check-tls-key -i), or leave out --tls") \
	X(CLOSED_SILENT,      "closed-before-clienthello", "the peer closed before it sent a byte",  "a Linux host does so when its tlshd does not run; so does a port scan") \
	X(CLOSED_IN_HANDSHAKE, "closed-in-handshake", "the peer closed during the TLS handshake", "see the peer's log") \
	X(CLOSED_AFTER_ICREQ, "closed-after-icreq",   "the peer closed after our ICReq: the port may require TLS", "the target's log has the cause; connect with --tls if that is it") \
	X(PSK_MISSING,        "psk-missing",          "no PSK for this host and subsystem in the key store", "make one with gen-tls-key and insert it with check-tls-key -i") \
	X(KEYSTORE_ACCESS,    "keystore-permissions", "the key store is not private",           "chmod 700 the directory and chmod 600 the keys in it, for their owner alone") \
	X(KEY_MALFORMED,      "key-malformed",        "the TLS key cannot be understood",       "give it as gen-tls-key prints it: NVMeTLSkey-1:01:...: with both colons") \
	X(ARGUMENT,           "argument-invalid",     "an argument is not valid",               "see the manual") \
	X(PSK_UNKNOWN,        "psk-unknown",          "the peer offered a PSK identity that is not in the key store", "insert the key with check-tls-key -i for this host NQN and subsystem NQN") \
	X(PSK_MISMATCH,       "psk-mismatch",         "the PSK behind this identity differs on the two ends (binder mismatch)", "insert the same key on both ends; older tools need --compat") \
	X(PSK_REFUSED,        "psk-refused",          "the peer refused our PSK: it may be unknown or different there", "the target's log has the cause; insert the same key on both ends (check-tls-key -i); older tools need --compat") \
	X(PSK_EXPIRED,        "psk-expired",          "the key has expired",                      "insert a new key") \
	X(PSK_NONE_OFFERED,   "no-psk-offered",       "the peer's ClientHello offers no PSK",     "NVMe/TCP uses pre-shared keys, not certificates; give the host a key") \
	X(PSK_MODE,           "psk-mode",             "the peer offers no psk_dhe_ke key exchange", "enable psk_dhe_ke on the peer") \
	X(PSK_HASH,           "psk-hash-suite",       "the PSK's hash and the cipher suite disagree", "use a peer that binds a SHA-384 PSK to TLS_AES_256_GCM_SHA384") \
	X(NO_COMMON_SUITE,    "no-common-suite",      "no common cipher suite",                   "TLS_AES_128_GCM_SHA256 (SHA-256 keys) or TLS_AES_256_GCM_SHA384 (SHA-384 keys) is needed") \
	X(NO_COMMON_GROUP,    "no-common-group",      "no common key exchange group",             "allow x25519, secp256r1, secp384r1 or ffdhe3072 on both ends") \
	X(TLS_VERSION,        "tls-version",          "the peer does not speak TLS 1.3",          "enable TLS 1.3 on the peer") \
	X(TLS_ALERT,          "tls-alert",            "the peer ended TLS with an alert",         "see the peer's log") \
	X(TLS_BAD_RECORD,     "tls-bad-record",       "a TLS record failed its integrity check",  "data was changed on the way, or keys differ; reconnect") \
	X(TLS_PROTOCOL,       "tls-protocol",         "the peer broke the TLS 1.3 protocol",      "see the peer's log and version") \
	X(TLS_KEY_LIMIT,      "tls-key-limit",        "the key reached its limit of records",     "reconnect, or enable KeyUpdate on both ends") \
	X(HANDSHAKE_TIMEOUT,  "handshake-timeout",    "the TLS handshake took too long",          "check that the peer's TLS service runs") \
	X(IC_TIMEOUT,         "icreq-timeout",        "no ICReq or ICResp in time",               "check that the peer speaks NVMe/TCP") \
	X(NVME_CONNECT_TIMEOUT, "connect-timeout",    "no Connect command or answer in time",     "see the peer's log") \
	X(IC_REFUSED,         "ic-refused",           "the connection parameters (ICReq/ICResp) do not fit", "check digests and alignment settings on both ends") \
	X(PDU_INVALID,        "pdu-invalid",          "an NVMe/TCP PDU is malformed",             "see FES and FEI; check the peer's version") \
	X(PDU_TERM,           "peer-termreq",         "the peer ended the connection with a TermReq", "see FES and FEI, and the peer's log") \
	X(HDGST,              "header-digest",        "a header digest does not match",           "data was changed on the way; reconnect") \
	X(PDU_TIMEOUT,        "pdu-timeout",          "a PDU was left unfinished for too long",   "check the network and the peer") \
	X(NVME_CONNECT,       "connect-refused",      "the controller refused the Connect command", "see the status") \
	X(SUBSYS_UNKNOWN,     "subsystem-unknown",    "the target does not export that subsystem on this port", "check -n NQN; nvmetls discover lists what there is") \
	X(HOST_DENIED,        "host-denied",          "this host may not use the subsystem",      "add the host NQN to allowed_hosts, or check the TLS identity") \
	X(IDENTITY_BINDING,   "identity-mismatch",    "the TLS identity and the Connect command name different NQNs", "connect with the host and subsystem NQN that the key was made for") \
	X(TLS_NEEDED,         "tls-needed",           "the subsystem is reachable over TLS only", "connect with --tls") \
	X(CNTLID_UNKNOWN,     "controller-unknown",   "the controller of this I/O queue is gone", "reconnect") \
	X(CTRL_BUSY,          "controller-busy",      "the target has no free controller or queue", "disconnect unused hosts, or raise the limit") \
	X(KATO_EXPIRED,       "keep-alive-expired",   "no keep-alive in time",                    "check the network; raise --keep-alive-tmo") \
	X(CMD_TIMEOUT,        "command-timeout",      "a command was not answered in time",       "check the target's backend; raise the timeout") \
	X(CTRL_INVALID,       "controller-invalid",   "the controller reported values that cannot be used", "check the target's version") \
	X(AUTH_FAILED,        "auth-failed",          "in-band authentication failed: the DH-HMAC-CHAP key is unknown to the other end or differs there", "give both ends the same DHHC-1 key for this host and subsystem (check-dhchap-key)") \
	X(AUTH_KEY_MISSING,   "dhchap-key-missing",   "no DH-HMAC-CHAP key for this host and subsystem", "give it with --dhchap-secret, or insert it into the key store with check-dhchap-key -i") \
	X(AUTH_REFUSED,       "auth-refused",         "the controller does not authenticate this host", "set the host's key there (dhchap_key), or leave out --dhchap-ctrl-secret and --concat") \
	X(AUTH_CTRL,          "auth-controller",      "the controller did not prove itself with its DH-HMAC-CHAP key", "check the controller's key (dhchap_ctrl_key) on both ends") \
	X(AUTH_NO_COMMON,     "auth-no-common",       "no DH-HMAC-CHAP hash or DH group in common", "allow a common one on both ends (dhchap_hash, dhchap_dhgroup)") \
	X(AUTH_CONCAT,        "auth-concat",          "the two ends disagree about secure channel concatenation", "use --concat on a port with TLS that is not required, or neither") \
	X(AUTH_PROTOCOL,      "auth-protocol",        "the peer broke the authentication protocol", "see the peer's log and version") \
	X(AUTH_TIMEOUT,       "auth-timeout",         "the authentication took too long",         "see the peer's log") \
	X(PROTOCOL,           "protocol",             "the peer broke the NVMe protocol",         "see the peer's log and version")

enum cause {
#define CAUSE_ENUM(sym, name, text, hint) CAUSE_##sym,
	CAUSES(CAUSE_ENUM)
#undef CAUSE_ENUM
	CAUSE_COUNT
};
/* clang-format on */

/* Static strings; never NULL for a value of the enum. */
const char *cause_name(enum cause c);
const char *cause_text(enum cause c);
const char *cause_hint(enum cause c);
