/*eslint-disable block-scoped-var, id-length, no-control-regex, no-magic-numbers, no-mixed-operators, no-prototype-builtins, no-redeclare, no-shadow, no-var, sort-vars, default-case, jsdoc/require-param*/
import $protobuf from "protobufjs/minimal.js";

// Common aliases
const $Reader = $protobuf.Reader, $Writer = $protobuf.Writer, $util = $protobuf.util;
const $Object = $util.global.Object, $undefined = $util.global.undefined, $Error = $util.global.Error, $RangeError = $util.global.RangeError;

// Exported root namespace
const $root = $protobuf.roots["sworn"] || ($protobuf.roots["sworn"] = {});

export const sworn = $root.sworn = (() => {

    /**
     * Namespace sworn.
     * @exports sworn
     * @namespace
     */
    const sworn = {};

    sworn.v1 = (function() {

        /**
         * Namespace v1.
         * @memberof sworn
         * @namespace
         */
        const v1 = {};

        v1.Activity = (function() {

            /**
             * Properties of an Activity.
             * @typedef {Object} sworn.v1.Activity.$Properties
             * @property {number|Long|null} [seq] Activity seq
             * @property {number|Long|null} [timeNs] Activity timeNs
             * @property {number|Long|null} [endTimeNs] Activity endTimeNs
             * @property {string|null} [sessionId] Activity sessionId
             * @property {string|null} [workload] Activity workload
             * @property {string|null} [identityId] Activity identityId
             * @property {string|null} [identityName] Activity identityName
             * @property {sworn.v1.IdentityState|null} [identityState] Activity identityState
             * @property {sworn.v1.IdentitySource|null} [identitySource] Activity identitySource
             * @property {string|null} [tokenId] Activity tokenId
             * @property {number|null} [pid] Activity pid
             * @property {string|null} [processId] Activity processId
             * @property {string|null} [exe] Activity exe
             * @property {string|null} [connectionId] Activity connectionId
             * @property {string|null} [identityTenant] Activity identityTenant
             * @property {string|null} [identityBlueprint] Activity identityBlueprint
             * @property {string|null} [onBehalfOfId] Activity onBehalfOfId
             * @property {string|null} [onBehalfOfName] Activity onBehalfOfName
             * @property {string|null} [tokenAudience] Activity tokenAudience
             * @property {string|null} [tokenScopes] Activity tokenScopes
             * @property {string|null} [tokenFingerprint] Activity tokenFingerprint
             * @property {string|null} [identityKind] Activity identityKind
             * @property {sworn.v1.Command.$Properties|null} [command] Activity command
             * @property {sworn.v1.Process.$Properties|null} [process] Activity process
             * @property {sworn.v1.Connection.$Properties|null} [connection] Activity connection
             * @property {sworn.v1.Token.$Properties|null} [token] Activity token
             * @property {sworn.v1.Loss.$Properties|null} [loss] Activity loss
             * @property {sworn.v1.Session.$Properties|null} [session] Activity session
             * @property {sworn.v1.Recorder.$Properties|null} [recorder] Activity recorder
             * @property {sworn.v1.Alert.$Properties|null} [alert] Activity alert
             * @property {sworn.v1.Finding.$Properties|null} [finding] Activity finding
             * @property {sworn.v1.Erasure.$Properties|null} [erasure] Activity erasure
             * @property {sworn.v1.Terminal.$Properties|null} [terminal] Activity terminal
             * @property {Uint8Array|null} [salt] Activity salt
             * @property {Uint8Array|null} [leaf] Activity leaf
             * @property {"command"|"process"|"connection"|"token"|"loss"|"session"|"recorder"|"alert"|"finding"|"erasure"|"terminal"} [detail] Activity detail
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */

            /**
             * Properties of an Activity.
             * @memberof sworn.v1
             * @interface IActivity
             * @augments sworn.v1.Activity.$Properties
             * @deprecated Use sworn.v1.Activity.$Properties instead.
             */

            /**
             * Narrowed shape of an Activity.
             * @typedef {{
             *   seq?: number|Long|null;
             *   timeNs?: number|Long|null;
             *   endTimeNs?: number|Long|null;
             *   sessionId?: string|null;
             *   workload?: string|null;
             *   identityId?: string|null;
             *   identityName?: string|null;
             *   identityState?: sworn.v1.IdentityState|null;
             *   identitySource?: sworn.v1.IdentitySource|null;
             *   tokenId?: string|null;
             *   pid?: number|null;
             *   processId?: string|null;
             *   exe?: string|null;
             *   connectionId?: string|null;
             *   identityTenant?: string|null;
             *   identityBlueprint?: string|null;
             *   onBehalfOfId?: string|null;
             *   onBehalfOfName?: string|null;
             *   tokenAudience?: string|null;
             *   tokenScopes?: string|null;
             *   tokenFingerprint?: string|null;
             *   identityKind?: string|null;
             *   command?: sworn.v1.Command.$Shape|null;
             *   process?: sworn.v1.Process.$Shape|null;
             *   connection?: sworn.v1.Connection.$Shape|null;
             *   token?: sworn.v1.Token.$Shape|null;
             *   loss?: sworn.v1.Loss.$Shape|null;
             *   session?: sworn.v1.Session.$Shape|null;
             *   recorder?: sworn.v1.Recorder.$Shape|null;
             *   alert?: sworn.v1.Alert.$Shape|null;
             *   finding?: sworn.v1.Finding.$Shape|null;
             *   erasure?: sworn.v1.Erasure.$Shape|null;
             *   terminal?: sworn.v1.Terminal.$Shape|null;
             *   salt?: Uint8Array|null;
             *   leaf?: Uint8Array|null;
             *   $unknowns?: Array.<Uint8Array>;
             * } & (
             *   ({ detail?: undefined; command?: null; process?: null; connection?: null; token?: null; loss?: null; session?: null; recorder?: null; alert?: null; finding?: null; erasure?: null; terminal?: null }|{ detail?: "command"; command: sworn.v1.Command.$Shape; process?: null; connection?: null; token?: null; loss?: null; session?: null; recorder?: null; alert?: null; finding?: null; erasure?: null; terminal?: null }|{ detail?: "process"; command?: null; process: sworn.v1.Process.$Shape; connection?: null; token?: null; loss?: null; session?: null; recorder?: null; alert?: null; finding?: null; erasure?: null; terminal?: null }|{ detail?: "connection"; command?: null; process?: null; connection: sworn.v1.Connection.$Shape; token?: null; loss?: null; session?: null; recorder?: null; alert?: null; finding?: null; erasure?: null; terminal?: null }|{ detail?: "token"; command?: null; process?: null; connection?: null; token: sworn.v1.Token.$Shape; loss?: null; session?: null; recorder?: null; alert?: null; finding?: null; erasure?: null; terminal?: null }|{ detail?: "loss"; command?: null; process?: null; connection?: null; token?: null; loss: sworn.v1.Loss.$Shape; session?: null; recorder?: null; alert?: null; finding?: null; erasure?: null; terminal?: null }|{ detail?: "session"; command?: null; process?: null; connection?: null; token?: null; loss?: null; session: sworn.v1.Session.$Shape; recorder?: null; alert?: null; finding?: null; erasure?: null; terminal?: null }|{ detail?: "recorder"; command?: null; process?: null; connection?: null; token?: null; loss?: null; session?: null; recorder: sworn.v1.Recorder.$Shape; alert?: null; finding?: null; erasure?: null; terminal?: null }|{ detail?: "alert"; command?: null; process?: null; connection?: null; token?: null; loss?: null; session?: null; recorder?: null; alert: sworn.v1.Alert.$Shape; finding?: null; erasure?: null; terminal?: null }|{ detail?: "finding"; command?: null; process?: null; connection?: null; token?: null; loss?: null; session?: null; recorder?: null; alert?: null; finding: sworn.v1.Finding.$Shape; erasure?: null; terminal?: null }|{ detail?: "erasure"; command?: null; process?: null; connection?: null; token?: null; loss?: null; session?: null; recorder?: null; alert?: null; finding?: null; erasure: sworn.v1.Erasure.$Shape; terminal?: null }|{ detail?: "terminal"; command?: null; process?: null; connection?: null; token?: null; loss?: null; session?: null; recorder?: null; alert?: null; finding?: null; erasure?: null; terminal: sworn.v1.Terminal.$Shape })
             * )} sworn.v1.Activity.$Shape
             */

            /**
             * Constructs a new Activity.
             * @memberof sworn.v1
             * @classdesc Represents an Activity.
             * @constructor
             * @param {sworn.v1.Activity.$Properties=} [properties] Properties to set
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */
            const Activity = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            /**
             * Activity seq.
             * @member {number|Long} seq
             * @memberof sworn.v1.Activity
             * @instance
             */
            Activity.prototype.seq = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

            /**
             * Activity timeNs.
             * @member {number|Long} timeNs
             * @memberof sworn.v1.Activity
             * @instance
             */
            Activity.prototype.timeNs = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

            /**
             * Activity endTimeNs.
             * @member {number|Long} endTimeNs
             * @memberof sworn.v1.Activity
             * @instance
             */
            Activity.prototype.endTimeNs = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

            /**
             * Activity sessionId.
             * @member {string} sessionId
             * @memberof sworn.v1.Activity
             * @instance
             */
            Activity.prototype.sessionId = "";

            /**
             * Activity workload.
             * @member {string} workload
             * @memberof sworn.v1.Activity
             * @instance
             */
            Activity.prototype.workload = "";

            /**
             * Activity identityId.
             * @member {string} identityId
             * @memberof sworn.v1.Activity
             * @instance
             */
            Activity.prototype.identityId = "";

            /**
             * Activity identityName.
             * @member {string} identityName
             * @memberof sworn.v1.Activity
             * @instance
             */
            Activity.prototype.identityName = "";

            /**
             * Activity identityState.
             * @member {sworn.v1.IdentityState} identityState
             * @memberof sworn.v1.Activity
             * @instance
             */
            Activity.prototype.identityState = 0;

            /**
             * Activity identitySource.
             * @member {sworn.v1.IdentitySource} identitySource
             * @memberof sworn.v1.Activity
             * @instance
             */
            Activity.prototype.identitySource = 0;

            /**
             * Activity tokenId.
             * @member {string} tokenId
             * @memberof sworn.v1.Activity
             * @instance
             */
            Activity.prototype.tokenId = "";

            /**
             * Activity pid.
             * @member {number} pid
             * @memberof sworn.v1.Activity
             * @instance
             */
            Activity.prototype.pid = 0;

            /**
             * Activity processId.
             * @member {string} processId
             * @memberof sworn.v1.Activity
             * @instance
             */
            Activity.prototype.processId = "";

            /**
             * Activity exe.
             * @member {string} exe
             * @memberof sworn.v1.Activity
             * @instance
             */
            Activity.prototype.exe = "";

            /**
             * Activity connectionId.
             * @member {string} connectionId
             * @memberof sworn.v1.Activity
             * @instance
             */
            Activity.prototype.connectionId = "";

            /**
             * Activity identityTenant.
             * @member {string} identityTenant
             * @memberof sworn.v1.Activity
             * @instance
             */
            Activity.prototype.identityTenant = "";

            /**
             * Activity identityBlueprint.
             * @member {string} identityBlueprint
             * @memberof sworn.v1.Activity
             * @instance
             */
            Activity.prototype.identityBlueprint = "";

            /**
             * Activity onBehalfOfId.
             * @member {string} onBehalfOfId
             * @memberof sworn.v1.Activity
             * @instance
             */
            Activity.prototype.onBehalfOfId = "";

            /**
             * Activity onBehalfOfName.
             * @member {string} onBehalfOfName
             * @memberof sworn.v1.Activity
             * @instance
             */
            Activity.prototype.onBehalfOfName = "";

            /**
             * Activity tokenAudience.
             * @member {string} tokenAudience
             * @memberof sworn.v1.Activity
             * @instance
             */
            Activity.prototype.tokenAudience = "";

            /**
             * Activity tokenScopes.
             * @member {string} tokenScopes
             * @memberof sworn.v1.Activity
             * @instance
             */
            Activity.prototype.tokenScopes = "";

            /**
             * Activity tokenFingerprint.
             * @member {string} tokenFingerprint
             * @memberof sworn.v1.Activity
             * @instance
             */
            Activity.prototype.tokenFingerprint = "";

            /**
             * Activity identityKind.
             * @member {string} identityKind
             * @memberof sworn.v1.Activity
             * @instance
             */
            Activity.prototype.identityKind = "";

            /**
             * Activity command.
             * @member {sworn.v1.Command.$Properties|null|undefined} command
             * @memberof sworn.v1.Activity
             * @instance
             */
            Activity.prototype.command = null;

            /**
             * Activity process.
             * @member {sworn.v1.Process.$Properties|null|undefined} process
             * @memberof sworn.v1.Activity
             * @instance
             */
            Activity.prototype.process = null;

            /**
             * Activity connection.
             * @member {sworn.v1.Connection.$Properties|null|undefined} connection
             * @memberof sworn.v1.Activity
             * @instance
             */
            Activity.prototype.connection = null;

            /**
             * Activity token.
             * @member {sworn.v1.Token.$Properties|null|undefined} token
             * @memberof sworn.v1.Activity
             * @instance
             */
            Activity.prototype.token = null;

            /**
             * Activity loss.
             * @member {sworn.v1.Loss.$Properties|null|undefined} loss
             * @memberof sworn.v1.Activity
             * @instance
             */
            Activity.prototype.loss = null;

            /**
             * Activity session.
             * @member {sworn.v1.Session.$Properties|null|undefined} session
             * @memberof sworn.v1.Activity
             * @instance
             */
            Activity.prototype.session = null;

            /**
             * Activity recorder.
             * @member {sworn.v1.Recorder.$Properties|null|undefined} recorder
             * @memberof sworn.v1.Activity
             * @instance
             */
            Activity.prototype.recorder = null;

            /**
             * Activity alert.
             * @member {sworn.v1.Alert.$Properties|null|undefined} alert
             * @memberof sworn.v1.Activity
             * @instance
             */
            Activity.prototype.alert = null;

            /**
             * Activity finding.
             * @member {sworn.v1.Finding.$Properties|null|undefined} finding
             * @memberof sworn.v1.Activity
             * @instance
             */
            Activity.prototype.finding = null;

            /**
             * Activity erasure.
             * @member {sworn.v1.Erasure.$Properties|null|undefined} erasure
             * @memberof sworn.v1.Activity
             * @instance
             */
            Activity.prototype.erasure = null;

            /**
             * Activity terminal.
             * @member {sworn.v1.Terminal.$Properties|null|undefined} terminal
             * @memberof sworn.v1.Activity
             * @instance
             */
            Activity.prototype.terminal = null;

            /**
             * Activity salt.
             * @member {Uint8Array} salt
             * @memberof sworn.v1.Activity
             * @instance
             */
            Activity.prototype.salt = $util.newBuffer([]);

            /**
             * Activity leaf.
             * @member {Uint8Array} leaf
             * @memberof sworn.v1.Activity
             * @instance
             */
            Activity.prototype.leaf = $util.newBuffer([]);

            // OneOf field names bound to virtual getters and setters
            let $oneOfFields;

            /**
             * Activity detail.
             * @member {"command"|"process"|"connection"|"token"|"loss"|"session"|"recorder"|"alert"|"finding"|"erasure"|"terminal"|undefined} detail
             * @memberof sworn.v1.Activity
             * @instance
             */
            $Object.defineProperty(Activity.prototype, "detail", {
                get: $util.oneOfGetter($oneOfFields = ["command", "process", "connection", "token", "loss", "session", "recorder", "alert", "finding", "erasure", "terminal"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            /**
             * Encodes the specified Activity message. Does not implicitly {@link sworn.v1.Activity.verify|verify} messages.
             * @function encode
             * @memberof sworn.v1.Activity
             * @static
             * @param {sworn.v1.Activity.$Properties} message Activity message or plain object to encode
             * @param {$protobuf.Writer} [writer] Writer to encode to
             * @returns {$protobuf.Writer} Writer
             */
            Activity.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.seq != null && $Object.hasOwnProperty.call(message, "seq") && (typeof message.seq === "object" ? message.seq.low || message.seq.high : message.seq !== 0))
                    writer.uint32(/* id 1, wireType 0 =*/8).uint64(message.seq);
                if (message.timeNs != null && $Object.hasOwnProperty.call(message, "timeNs") && (typeof message.timeNs === "object" ? message.timeNs.low || message.timeNs.high : message.timeNs !== 0))
                    writer.uint32(/* id 2, wireType 1 =*/17).fixed64(message.timeNs);
                if (message.endTimeNs != null && $Object.hasOwnProperty.call(message, "endTimeNs") && (typeof message.endTimeNs === "object" ? message.endTimeNs.low || message.endTimeNs.high : message.endTimeNs !== 0))
                    writer.uint32(/* id 3, wireType 1 =*/25).fixed64(message.endTimeNs);
                if (message.sessionId != null && $Object.hasOwnProperty.call(message, "sessionId") && message.sessionId !== "")
                    writer.uint32(/* id 4, wireType 2 =*/34).string(message.sessionId);
                if (message.workload != null && $Object.hasOwnProperty.call(message, "workload") && message.workload !== "")
                    writer.uint32(/* id 5, wireType 2 =*/42).string(message.workload);
                if (message.identityId != null && $Object.hasOwnProperty.call(message, "identityId") && message.identityId !== "")
                    writer.uint32(/* id 6, wireType 2 =*/50).string(message.identityId);
                if (message.identityName != null && $Object.hasOwnProperty.call(message, "identityName") && message.identityName !== "")
                    writer.uint32(/* id 7, wireType 2 =*/58).string(message.identityName);
                if (message.identityState != null && $Object.hasOwnProperty.call(message, "identityState") && message.identityState !== 0)
                    writer.uint32(/* id 8, wireType 0 =*/64).int32(message.identityState);
                if (message.identitySource != null && $Object.hasOwnProperty.call(message, "identitySource") && message.identitySource !== 0)
                    writer.uint32(/* id 9, wireType 0 =*/72).int32(message.identitySource);
                if (message.tokenId != null && $Object.hasOwnProperty.call(message, "tokenId") && message.tokenId !== "")
                    writer.uint32(/* id 10, wireType 2 =*/82).string(message.tokenId);
                if (message.pid != null && $Object.hasOwnProperty.call(message, "pid") && message.pid !== 0)
                    writer.uint32(/* id 11, wireType 0 =*/88).uint32(message.pid);
                if (message.processId != null && $Object.hasOwnProperty.call(message, "processId") && message.processId !== "")
                    writer.uint32(/* id 12, wireType 2 =*/98).string(message.processId);
                if (message.exe != null && $Object.hasOwnProperty.call(message, "exe") && message.exe !== "")
                    writer.uint32(/* id 13, wireType 2 =*/106).string(message.exe);
                if (message.connectionId != null && $Object.hasOwnProperty.call(message, "connectionId") && message.connectionId !== "")
                    writer.uint32(/* id 14, wireType 2 =*/114).string(message.connectionId);
                if (message.identityTenant != null && $Object.hasOwnProperty.call(message, "identityTenant") && message.identityTenant !== "")
                    writer.uint32(/* id 15, wireType 2 =*/122).string(message.identityTenant);
                if (message.identityBlueprint != null && $Object.hasOwnProperty.call(message, "identityBlueprint") && message.identityBlueprint !== "")
                    writer.uint32(/* id 16, wireType 2 =*/130).string(message.identityBlueprint);
                if (message.onBehalfOfId != null && $Object.hasOwnProperty.call(message, "onBehalfOfId") && message.onBehalfOfId !== "")
                    writer.uint32(/* id 17, wireType 2 =*/138).string(message.onBehalfOfId);
                if (message.onBehalfOfName != null && $Object.hasOwnProperty.call(message, "onBehalfOfName") && message.onBehalfOfName !== "")
                    writer.uint32(/* id 18, wireType 2 =*/146).string(message.onBehalfOfName);
                if (message.tokenAudience != null && $Object.hasOwnProperty.call(message, "tokenAudience") && message.tokenAudience !== "")
                    writer.uint32(/* id 19, wireType 2 =*/154).string(message.tokenAudience);
                if (message.command != null && $Object.hasOwnProperty.call(message, "command"))
                    $root.sworn.v1.Command.encode(message.command, writer.uint32(/* id 20, wireType 2 =*/162).fork(), _depth + 1).ldelim();
                if (message.process != null && $Object.hasOwnProperty.call(message, "process"))
                    $root.sworn.v1.Process.encode(message.process, writer.uint32(/* id 21, wireType 2 =*/170).fork(), _depth + 1).ldelim();
                if (message.connection != null && $Object.hasOwnProperty.call(message, "connection"))
                    $root.sworn.v1.Connection.encode(message.connection, writer.uint32(/* id 22, wireType 2 =*/178).fork(), _depth + 1).ldelim();
                if (message.token != null && $Object.hasOwnProperty.call(message, "token"))
                    $root.sworn.v1.Token.encode(message.token, writer.uint32(/* id 23, wireType 2 =*/186).fork(), _depth + 1).ldelim();
                if (message.loss != null && $Object.hasOwnProperty.call(message, "loss"))
                    $root.sworn.v1.Loss.encode(message.loss, writer.uint32(/* id 24, wireType 2 =*/194).fork(), _depth + 1).ldelim();
                if (message.session != null && $Object.hasOwnProperty.call(message, "session"))
                    $root.sworn.v1.Session.encode(message.session, writer.uint32(/* id 25, wireType 2 =*/202).fork(), _depth + 1).ldelim();
                if (message.recorder != null && $Object.hasOwnProperty.call(message, "recorder"))
                    $root.sworn.v1.Recorder.encode(message.recorder, writer.uint32(/* id 26, wireType 2 =*/210).fork(), _depth + 1).ldelim();
                if (message.alert != null && $Object.hasOwnProperty.call(message, "alert"))
                    $root.sworn.v1.Alert.encode(message.alert, writer.uint32(/* id 27, wireType 2 =*/218).fork(), _depth + 1).ldelim();
                if (message.finding != null && $Object.hasOwnProperty.call(message, "finding"))
                    $root.sworn.v1.Finding.encode(message.finding, writer.uint32(/* id 28, wireType 2 =*/226).fork(), _depth + 1).ldelim();
                if (message.erasure != null && $Object.hasOwnProperty.call(message, "erasure"))
                    $root.sworn.v1.Erasure.encode(message.erasure, writer.uint32(/* id 29, wireType 2 =*/234).fork(), _depth + 1).ldelim();
                if (message.tokenScopes != null && $Object.hasOwnProperty.call(message, "tokenScopes") && message.tokenScopes !== "")
                    writer.uint32(/* id 30, wireType 2 =*/242).string(message.tokenScopes);
                if (message.tokenFingerprint != null && $Object.hasOwnProperty.call(message, "tokenFingerprint") && message.tokenFingerprint !== "")
                    writer.uint32(/* id 31, wireType 2 =*/250).string(message.tokenFingerprint);
                if (message.identityKind != null && $Object.hasOwnProperty.call(message, "identityKind") && message.identityKind !== "")
                    writer.uint32(/* id 32, wireType 2 =*/258).string(message.identityKind);
                if (message.terminal != null && $Object.hasOwnProperty.call(message, "terminal"))
                    $root.sworn.v1.Terminal.encode(message.terminal, writer.uint32(/* id 33, wireType 2 =*/266).fork(), _depth + 1).ldelim();
                if (message.salt != null && $Object.hasOwnProperty.call(message, "salt") && message.salt.length)
                    writer.uint32(/* id 40, wireType 2 =*/322).bytes(message.salt);
                if (message.leaf != null && $Object.hasOwnProperty.call(message, "leaf") && message.leaf.length)
                    writer.uint32(/* id 41, wireType 2 =*/330).bytes(message.leaf);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            /**
             * Decodes an Activity message from the specified reader or buffer.
             * @function decode
             * @memberof sworn.v1.Activity
             * @static
             * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
             * @param {number} [length] Message length if known beforehand
             * @returns {sworn.v1.Activity & sworn.v1.Activity.$Shape} Activity
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            Activity.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.sworn.v1.Activity();
                while (reader.pos < end) {
                    let start = reader.pos;
                    let tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    let wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.seq = value;
                            else
                                delete message.seq;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 1)
                                break;
                            if (typeof (value = reader.fixed64()) === "object" ? value.low || value.high : value !== 0)
                                message.timeNs = value;
                            else
                                delete message.timeNs;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 1)
                                break;
                            if (typeof (value = reader.fixed64()) === "object" ? value.low || value.high : value !== 0)
                                message.endTimeNs = value;
                            else
                                delete message.endTimeNs;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.sessionId = value;
                            else
                                delete message.sessionId;
                            continue;
                        }
                    case 5: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.workload = value;
                            else
                                delete message.workload;
                            continue;
                        }
                    case 6: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.identityId = value;
                            else
                                delete message.identityId;
                            continue;
                        }
                    case 7: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.identityName = value;
                            else
                                delete message.identityName;
                            continue;
                        }
                    case 8: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.identityState = value;
                            else
                                delete message.identityState;
                            continue;
                        }
                    case 9: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.identitySource = value;
                            else
                                delete message.identitySource;
                            continue;
                        }
                    case 10: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.tokenId = value;
                            else
                                delete message.tokenId;
                            continue;
                        }
                    case 11: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.pid = value;
                            else
                                delete message.pid;
                            continue;
                        }
                    case 12: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.processId = value;
                            else
                                delete message.processId;
                            continue;
                        }
                    case 13: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.exe = value;
                            else
                                delete message.exe;
                            continue;
                        }
                    case 14: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.connectionId = value;
                            else
                                delete message.connectionId;
                            continue;
                        }
                    case 15: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.identityTenant = value;
                            else
                                delete message.identityTenant;
                            continue;
                        }
                    case 16: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.identityBlueprint = value;
                            else
                                delete message.identityBlueprint;
                            continue;
                        }
                    case 17: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.onBehalfOfId = value;
                            else
                                delete message.onBehalfOfId;
                            continue;
                        }
                    case 18: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.onBehalfOfName = value;
                            else
                                delete message.onBehalfOfName;
                            continue;
                        }
                    case 19: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.tokenAudience = value;
                            else
                                delete message.tokenAudience;
                            continue;
                        }
                    case 30: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.tokenScopes = value;
                            else
                                delete message.tokenScopes;
                            continue;
                        }
                    case 31: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.tokenFingerprint = value;
                            else
                                delete message.tokenFingerprint;
                            continue;
                        }
                    case 32: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.identityKind = value;
                            else
                                delete message.identityKind;
                            continue;
                        }
                    case 20: {
                            if (wireType !== 2)
                                break;
                            message.command = $root.sworn.v1.Command.decode(reader, reader.size(), $undefined, _depth + 1, message.command);
                            message.detail = "command";
                            continue;
                        }
                    case 21: {
                            if (wireType !== 2)
                                break;
                            message.process = $root.sworn.v1.Process.decode(reader, reader.size(), $undefined, _depth + 1, message.process);
                            message.detail = "process";
                            continue;
                        }
                    case 22: {
                            if (wireType !== 2)
                                break;
                            message.connection = $root.sworn.v1.Connection.decode(reader, reader.size(), $undefined, _depth + 1, message.connection);
                            message.detail = "connection";
                            continue;
                        }
                    case 23: {
                            if (wireType !== 2)
                                break;
                            message.token = $root.sworn.v1.Token.decode(reader, reader.size(), $undefined, _depth + 1, message.token);
                            message.detail = "token";
                            continue;
                        }
                    case 24: {
                            if (wireType !== 2)
                                break;
                            message.loss = $root.sworn.v1.Loss.decode(reader, reader.size(), $undefined, _depth + 1, message.loss);
                            message.detail = "loss";
                            continue;
                        }
                    case 25: {
                            if (wireType !== 2)
                                break;
                            message.session = $root.sworn.v1.Session.decode(reader, reader.size(), $undefined, _depth + 1, message.session);
                            message.detail = "session";
                            continue;
                        }
                    case 26: {
                            if (wireType !== 2)
                                break;
                            message.recorder = $root.sworn.v1.Recorder.decode(reader, reader.size(), $undefined, _depth + 1, message.recorder);
                            message.detail = "recorder";
                            continue;
                        }
                    case 27: {
                            if (wireType !== 2)
                                break;
                            message.alert = $root.sworn.v1.Alert.decode(reader, reader.size(), $undefined, _depth + 1, message.alert);
                            message.detail = "alert";
                            continue;
                        }
                    case 28: {
                            if (wireType !== 2)
                                break;
                            message.finding = $root.sworn.v1.Finding.decode(reader, reader.size(), $undefined, _depth + 1, message.finding);
                            message.detail = "finding";
                            continue;
                        }
                    case 29: {
                            if (wireType !== 2)
                                break;
                            message.erasure = $root.sworn.v1.Erasure.decode(reader, reader.size(), $undefined, _depth + 1, message.erasure);
                            message.detail = "erasure";
                            continue;
                        }
                    case 33: {
                            if (wireType !== 2)
                                break;
                            message.terminal = $root.sworn.v1.Terminal.decode(reader, reader.size(), $undefined, _depth + 1, message.terminal);
                            message.detail = "terminal";
                            continue;
                        }
                    case 40: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.bytes()).length)
                                message.salt = value;
                            else
                                delete message.salt;
                            continue;
                        }
                    case 41: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.bytes()).length)
                                message.leaf = value;
                            else
                                delete message.leaf;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return Activity;
        })();

        /**
         * IdentityState enum.
         * @name sworn.v1.IdentityState
         * @enum {number}
         * @property {number} IDENTITY_STATE_UNSPECIFIED=0 IDENTITY_STATE_UNSPECIFIED value
         * @property {number} IDENTITY_STATE_NONE=1 IDENTITY_STATE_NONE value
         * @property {number} IDENTITY_STATE_POLICY=2 IDENTITY_STATE_POLICY value
         * @property {number} IDENTITY_STATE_VERIFIED=3 IDENTITY_STATE_VERIFIED value
         * @property {number} IDENTITY_STATE_UNVERIFIABLE=4 IDENTITY_STATE_UNVERIFIABLE value
         * @property {number} IDENTITY_STATE_INVALID=5 IDENTITY_STATE_INVALID value
         */
        v1.IdentityState = (function() {
            const valuesById = $Object.create(null), values = $Object.create(valuesById);
            values[valuesById[0] = "IDENTITY_STATE_UNSPECIFIED"] = 0;
            values[valuesById[1] = "IDENTITY_STATE_NONE"] = 1;
            values[valuesById[2] = "IDENTITY_STATE_POLICY"] = 2;
            values[valuesById[3] = "IDENTITY_STATE_VERIFIED"] = 3;
            values[valuesById[4] = "IDENTITY_STATE_UNVERIFIABLE"] = 4;
            values[valuesById[5] = "IDENTITY_STATE_INVALID"] = 5;
            return values;
        })();

        /**
         * IdentitySource enum.
         * @name sworn.v1.IdentitySource
         * @enum {number}
         * @property {number} IDENTITY_SOURCE_UNSPECIFIED=0 IDENTITY_SOURCE_UNSPECIFIED value
         * @property {number} IDENTITY_SOURCE_NONE=1 IDENTITY_SOURCE_NONE value
         * @property {number} IDENTITY_SOURCE_POLICY=2 IDENTITY_SOURCE_POLICY value
         * @property {number} IDENTITY_SOURCE_BROKER=3 IDENTITY_SOURCE_BROKER value
         * @property {number} IDENTITY_SOURCE_WIRE=4 IDENTITY_SOURCE_WIRE value
         */
        v1.IdentitySource = (function() {
            const valuesById = $Object.create(null), values = $Object.create(valuesById);
            values[valuesById[0] = "IDENTITY_SOURCE_UNSPECIFIED"] = 0;
            values[valuesById[1] = "IDENTITY_SOURCE_NONE"] = 1;
            values[valuesById[2] = "IDENTITY_SOURCE_POLICY"] = 2;
            values[valuesById[3] = "IDENTITY_SOURCE_BROKER"] = 3;
            values[valuesById[4] = "IDENTITY_SOURCE_WIRE"] = 4;
            return values;
        })();

        v1.Command = (function() {

            /**
             * Properties of a Command.
             * @typedef {Object} sworn.v1.Command.$Properties
             * @property {string|null} [protocol] Command protocol
             * @property {string|null} [operation] Command operation
             * @property {string|null} [target] Command target
             * @property {string|null} [resource] Command resource
             * @property {string|null} [statement] Command statement
             * @property {string|null} [statementShape] Command statementShape
             * @property {string|null} [parameters] Command parameters
             * @property {Uint8Array|null} [request] Command request
             * @property {Uint8Array|null} [response] Command response
             * @property {sworn.v1.Status|null} [status] Command status
             * @property {string|null} [errorCode] Command errorCode
             * @property {string|null} [errorMessage] Command errorMessage
             * @property {number|Long|null} [rows] Command rows
             * @property {number|Long|null} [requestBytes] Command requestBytes
             * @property {number|Long|null} [responseBytes] Command responseBytes
             * @property {boolean|null} [truncated] Command truncated
             * @property {number|Long|null} [requestPayloadBytes] Command requestPayloadBytes
             * @property {number|Long|null} [responsePayloadBytes] Command responsePayloadBytes
             * @property {Uint8Array|null} [requestSha256] Command requestSha256
             * @property {Uint8Array|null} [responseSha256] Command responseSha256
             * @property {string|null} [tls] Command tls
             * @property {sworn.v1.Role|null} [role] Command role
             * @property {Object.<string,string>|null} [attributes] Command attributes
             * @property {number|Long|null} [durationNs] Command durationNs
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */

            /**
             * Properties of a Command.
             * @memberof sworn.v1
             * @interface ICommand
             * @augments sworn.v1.Command.$Properties
             * @deprecated Use sworn.v1.Command.$Properties instead.
             */

            /**
             * Shape of a Command.
             * @typedef {sworn.v1.Command.$Properties} sworn.v1.Command.$Shape
             */

            /**
             * Constructs a new Command.
             * @memberof sworn.v1
             * @classdesc Represents a Command.
             * @constructor
             * @param {sworn.v1.Command.$Properties=} [properties] Properties to set
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */
            const Command = function (properties) {
                this.attributes = {};
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            /**
             * Command protocol.
             * @member {string} protocol
             * @memberof sworn.v1.Command
             * @instance
             */
            Command.prototype.protocol = "";

            /**
             * Command operation.
             * @member {string} operation
             * @memberof sworn.v1.Command
             * @instance
             */
            Command.prototype.operation = "";

            /**
             * Command target.
             * @member {string} target
             * @memberof sworn.v1.Command
             * @instance
             */
            Command.prototype.target = "";

            /**
             * Command resource.
             * @member {string} resource
             * @memberof sworn.v1.Command
             * @instance
             */
            Command.prototype.resource = "";

            /**
             * Command statement.
             * @member {string} statement
             * @memberof sworn.v1.Command
             * @instance
             */
            Command.prototype.statement = "";

            /**
             * Command statementShape.
             * @member {string} statementShape
             * @memberof sworn.v1.Command
             * @instance
             */
            Command.prototype.statementShape = "";

            /**
             * Command parameters.
             * @member {string} parameters
             * @memberof sworn.v1.Command
             * @instance
             */
            Command.prototype.parameters = "";

            /**
             * Command request.
             * @member {Uint8Array} request
             * @memberof sworn.v1.Command
             * @instance
             */
            Command.prototype.request = $util.newBuffer([]);

            /**
             * Command response.
             * @member {Uint8Array} response
             * @memberof sworn.v1.Command
             * @instance
             */
            Command.prototype.response = $util.newBuffer([]);

            /**
             * Command status.
             * @member {sworn.v1.Status} status
             * @memberof sworn.v1.Command
             * @instance
             */
            Command.prototype.status = 0;

            /**
             * Command errorCode.
             * @member {string} errorCode
             * @memberof sworn.v1.Command
             * @instance
             */
            Command.prototype.errorCode = "";

            /**
             * Command errorMessage.
             * @member {string} errorMessage
             * @memberof sworn.v1.Command
             * @instance
             */
            Command.prototype.errorMessage = "";

            /**
             * Command rows.
             * @member {number|Long|null|undefined} rows
             * @memberof sworn.v1.Command
             * @instance
             */
            Command.prototype.rows = null;

            /**
             * Command requestBytes.
             * @member {number|Long} requestBytes
             * @memberof sworn.v1.Command
             * @instance
             */
            Command.prototype.requestBytes = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

            /**
             * Command responseBytes.
             * @member {number|Long} responseBytes
             * @memberof sworn.v1.Command
             * @instance
             */
            Command.prototype.responseBytes = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

            /**
             * Command truncated.
             * @member {boolean} truncated
             * @memberof sworn.v1.Command
             * @instance
             */
            Command.prototype.truncated = false;

            /**
             * Command requestPayloadBytes.
             * @member {number|Long} requestPayloadBytes
             * @memberof sworn.v1.Command
             * @instance
             */
            Command.prototype.requestPayloadBytes = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

            /**
             * Command responsePayloadBytes.
             * @member {number|Long} responsePayloadBytes
             * @memberof sworn.v1.Command
             * @instance
             */
            Command.prototype.responsePayloadBytes = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

            /**
             * Command requestSha256.
             * @member {Uint8Array} requestSha256
             * @memberof sworn.v1.Command
             * @instance
             */
            Command.prototype.requestSha256 = $util.newBuffer([]);

            /**
             * Command responseSha256.
             * @member {Uint8Array} responseSha256
             * @memberof sworn.v1.Command
             * @instance
             */
            Command.prototype.responseSha256 = $util.newBuffer([]);

            /**
             * Command tls.
             * @member {string} tls
             * @memberof sworn.v1.Command
             * @instance
             */
            Command.prototype.tls = "";

            /**
             * Command role.
             * @member {sworn.v1.Role} role
             * @memberof sworn.v1.Command
             * @instance
             */
            Command.prototype.role = 0;

            /**
             * Command attributes.
             * @member {Object.<string,string>} attributes
             * @memberof sworn.v1.Command
             * @instance
             */
            Command.prototype.attributes = $util.emptyObject;

            /**
             * Command durationNs.
             * @member {number|Long} durationNs
             * @memberof sworn.v1.Command
             * @instance
             */
            Command.prototype.durationNs = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

            // OneOf field names bound to virtual getters and setters
            let $oneOfFields;

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Command.prototype, "_rows", {
                get: $util.oneOfGetter($oneOfFields = ["rows"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            /**
             * Encodes the specified Command message. Does not implicitly {@link sworn.v1.Command.verify|verify} messages.
             * @function encode
             * @memberof sworn.v1.Command
             * @static
             * @param {sworn.v1.Command.$Properties} message Command message or plain object to encode
             * @param {$protobuf.Writer} [writer] Writer to encode to
             * @returns {$protobuf.Writer} Writer
             */
            Command.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.protocol != null && $Object.hasOwnProperty.call(message, "protocol") && message.protocol !== "")
                    writer.uint32(/* id 1, wireType 2 =*/10).string(message.protocol);
                if (message.operation != null && $Object.hasOwnProperty.call(message, "operation") && message.operation !== "")
                    writer.uint32(/* id 2, wireType 2 =*/18).string(message.operation);
                if (message.target != null && $Object.hasOwnProperty.call(message, "target") && message.target !== "")
                    writer.uint32(/* id 3, wireType 2 =*/26).string(message.target);
                if (message.resource != null && $Object.hasOwnProperty.call(message, "resource") && message.resource !== "")
                    writer.uint32(/* id 4, wireType 2 =*/34).string(message.resource);
                if (message.statement != null && $Object.hasOwnProperty.call(message, "statement") && message.statement !== "")
                    writer.uint32(/* id 5, wireType 2 =*/42).string(message.statement);
                if (message.statementShape != null && $Object.hasOwnProperty.call(message, "statementShape") && message.statementShape !== "")
                    writer.uint32(/* id 6, wireType 2 =*/50).string(message.statementShape);
                if (message.parameters != null && $Object.hasOwnProperty.call(message, "parameters") && message.parameters !== "")
                    writer.uint32(/* id 7, wireType 2 =*/58).string(message.parameters);
                if (message.request != null && $Object.hasOwnProperty.call(message, "request") && message.request.length)
                    writer.uint32(/* id 8, wireType 2 =*/66).bytes(message.request);
                if (message.response != null && $Object.hasOwnProperty.call(message, "response") && message.response.length)
                    writer.uint32(/* id 9, wireType 2 =*/74).bytes(message.response);
                if (message.status != null && $Object.hasOwnProperty.call(message, "status") && message.status !== 0)
                    writer.uint32(/* id 10, wireType 0 =*/80).int32(message.status);
                if (message.errorCode != null && $Object.hasOwnProperty.call(message, "errorCode") && message.errorCode !== "")
                    writer.uint32(/* id 11, wireType 2 =*/90).string(message.errorCode);
                if (message.errorMessage != null && $Object.hasOwnProperty.call(message, "errorMessage") && message.errorMessage !== "")
                    writer.uint32(/* id 12, wireType 2 =*/98).string(message.errorMessage);
                if (message.rows != null && $Object.hasOwnProperty.call(message, "rows"))
                    writer.uint32(/* id 13, wireType 0 =*/104).uint64(message.rows);
                if (message.requestBytes != null && $Object.hasOwnProperty.call(message, "requestBytes") && (typeof message.requestBytes === "object" ? message.requestBytes.low || message.requestBytes.high : message.requestBytes !== 0))
                    writer.uint32(/* id 14, wireType 0 =*/112).uint64(message.requestBytes);
                if (message.responseBytes != null && $Object.hasOwnProperty.call(message, "responseBytes") && (typeof message.responseBytes === "object" ? message.responseBytes.low || message.responseBytes.high : message.responseBytes !== 0))
                    writer.uint32(/* id 15, wireType 0 =*/120).uint64(message.responseBytes);
                if (message.truncated != null && $Object.hasOwnProperty.call(message, "truncated") && message.truncated !== false)
                    writer.uint32(/* id 16, wireType 0 =*/128).bool(message.truncated);
                if (message.requestPayloadBytes != null && $Object.hasOwnProperty.call(message, "requestPayloadBytes") && (typeof message.requestPayloadBytes === "object" ? message.requestPayloadBytes.low || message.requestPayloadBytes.high : message.requestPayloadBytes !== 0))
                    writer.uint32(/* id 17, wireType 0 =*/136).uint64(message.requestPayloadBytes);
                if (message.responsePayloadBytes != null && $Object.hasOwnProperty.call(message, "responsePayloadBytes") && (typeof message.responsePayloadBytes === "object" ? message.responsePayloadBytes.low || message.responsePayloadBytes.high : message.responsePayloadBytes !== 0))
                    writer.uint32(/* id 18, wireType 0 =*/144).uint64(message.responsePayloadBytes);
                if (message.requestSha256 != null && $Object.hasOwnProperty.call(message, "requestSha256") && message.requestSha256.length)
                    writer.uint32(/* id 19, wireType 2 =*/154).bytes(message.requestSha256);
                if (message.responseSha256 != null && $Object.hasOwnProperty.call(message, "responseSha256") && message.responseSha256.length)
                    writer.uint32(/* id 20, wireType 2 =*/162).bytes(message.responseSha256);
                if (message.tls != null && $Object.hasOwnProperty.call(message, "tls") && message.tls !== "")
                    writer.uint32(/* id 21, wireType 2 =*/170).string(message.tls);
                if (message.role != null && $Object.hasOwnProperty.call(message, "role") && message.role !== 0)
                    writer.uint32(/* id 22, wireType 0 =*/176).int32(message.role);
                if (message.attributes != null && $Object.hasOwnProperty.call(message, "attributes"))
                    for (let keys = $Object.keys(message.attributes), i = 0; i < keys.length; ++i)
                        writer.uint32(/* id 23, wireType 2 =*/186).fork().uint32(/* id 1, wireType 2 =*/10).string(keys[i]).uint32(/* id 2, wireType 2 =*/18).string(message.attributes[keys[i]]).ldelim();
                if (message.durationNs != null && $Object.hasOwnProperty.call(message, "durationNs") && (typeof message.durationNs === "object" ? message.durationNs.low || message.durationNs.high : message.durationNs !== 0))
                    writer.uint32(/* id 24, wireType 0 =*/192).uint64(message.durationNs);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            /**
             * Decodes a Command message from the specified reader or buffer.
             * @function decode
             * @memberof sworn.v1.Command
             * @static
             * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
             * @param {number} [length] Message length if known beforehand
             * @returns {sworn.v1.Command & sworn.v1.Command.$Shape} Command
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            Command.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message, key, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.sworn.v1.Command();
                while (reader.pos < end) {
                    let start = reader.pos;
                    let tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    let wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.protocol = value;
                            else
                                delete message.protocol;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.operation = value;
                            else
                                delete message.operation;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.target = value;
                            else
                                delete message.target;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.resource = value;
                            else
                                delete message.resource;
                            continue;
                        }
                    case 5: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.statement = value;
                            else
                                delete message.statement;
                            continue;
                        }
                    case 6: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.statementShape = value;
                            else
                                delete message.statementShape;
                            continue;
                        }
                    case 7: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.parameters = value;
                            else
                                delete message.parameters;
                            continue;
                        }
                    case 8: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.bytes()).length)
                                message.request = value;
                            else
                                delete message.request;
                            continue;
                        }
                    case 9: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.bytes()).length)
                                message.response = value;
                            else
                                delete message.response;
                            continue;
                        }
                    case 10: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.status = value;
                            else
                                delete message.status;
                            continue;
                        }
                    case 11: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.errorCode = value;
                            else
                                delete message.errorCode;
                            continue;
                        }
                    case 12: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.errorMessage = value;
                            else
                                delete message.errorMessage;
                            continue;
                        }
                    case 13: {
                            if (wireType !== 0)
                                break;
                            message.rows = reader.uint64();
                            message._rows = "rows";
                            continue;
                        }
                    case 14: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.requestBytes = value;
                            else
                                delete message.requestBytes;
                            continue;
                        }
                    case 15: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.responseBytes = value;
                            else
                                delete message.responseBytes;
                            continue;
                        }
                    case 16: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.bool())
                                message.truncated = value;
                            else
                                delete message.truncated;
                            continue;
                        }
                    case 17: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.requestPayloadBytes = value;
                            else
                                delete message.requestPayloadBytes;
                            continue;
                        }
                    case 18: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.responsePayloadBytes = value;
                            else
                                delete message.responsePayloadBytes;
                            continue;
                        }
                    case 19: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.bytes()).length)
                                message.requestSha256 = value;
                            else
                                delete message.requestSha256;
                            continue;
                        }
                    case 20: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.bytes()).length)
                                message.responseSha256 = value;
                            else
                                delete message.responseSha256;
                            continue;
                        }
                    case 21: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.tls = value;
                            else
                                delete message.tls;
                            continue;
                        }
                    case 22: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.role = value;
                            else
                                delete message.role;
                            continue;
                        }
                    case 23: {
                            if (wireType !== 2)
                                break;
                            if (message.attributes === $util.emptyObject)
                                message.attributes = {};
                            let end2 = reader.size() + reader.pos;
                            if (end2 > reader.len)
                                throw $RangeError("index out of range");
                            reader.len = end2;
                            key = "";
                            value = "";
                            while (reader.pos < end2) {
                                let tag2 = reader.tag();
                                wireType = tag2 & 7;
                                switch (tag2 >>>= 3) {
                                case 1:
                                    if (wireType !== 2)
                                        break;
                                    key = reader.stringVerify();
                                    continue;
                                case 2:
                                    if (wireType !== 2)
                                        break;
                                    value = reader.stringVerify();
                                    continue;
                                }
                                reader.skipType(wireType, _depth, tag2);
                            }
                            if (reader.pos !== end2)
                                throw $RangeError("index out of range");
                            reader.len = end;
                            if (key === "__proto__")
                                $util.makeProp(message.attributes, key);
                            message.attributes[key] = value;
                            continue;
                        }
                    case 24: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.durationNs = value;
                            else
                                delete message.durationNs;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return Command;
        })();

        /**
         * Status enum.
         * @name sworn.v1.Status
         * @enum {number}
         * @property {number} STATUS_UNSPECIFIED=0 STATUS_UNSPECIFIED value
         * @property {number} STATUS_OK=1 STATUS_OK value
         * @property {number} STATUS_ERROR=2 STATUS_ERROR value
         * @property {number} STATUS_UNKNOWN=3 STATUS_UNKNOWN value
         */
        v1.Status = (function() {
            const valuesById = $Object.create(null), values = $Object.create(valuesById);
            values[valuesById[0] = "STATUS_UNSPECIFIED"] = 0;
            values[valuesById[1] = "STATUS_OK"] = 1;
            values[valuesById[2] = "STATUS_ERROR"] = 2;
            values[valuesById[3] = "STATUS_UNKNOWN"] = 3;
            return values;
        })();

        /**
         * Role enum.
         * @name sworn.v1.Role
         * @enum {number}
         * @property {number} ROLE_UNSPECIFIED=0 ROLE_UNSPECIFIED value
         * @property {number} ROLE_CLIENT=1 ROLE_CLIENT value
         * @property {number} ROLE_SERVER=2 ROLE_SERVER value
         */
        v1.Role = (function() {
            const valuesById = $Object.create(null), values = $Object.create(valuesById);
            values[valuesById[0] = "ROLE_UNSPECIFIED"] = 0;
            values[valuesById[1] = "ROLE_CLIENT"] = 1;
            values[valuesById[2] = "ROLE_SERVER"] = 2;
            return values;
        })();

        v1.Process = (function() {

            /**
             * Properties of a Process.
             * @typedef {Object} sworn.v1.Process.$Properties
             * @property {sworn.v1.Process.Action|null} [action] Process action
             * @property {number|null} [parentPid] Process parentPid
             * @property {string|null} [parentProcessId] Process parentProcessId
             * @property {Array.<string>|null} [argv] Process argv
             * @property {number|null} [argvBytes] Process argvBytes
             * @property {boolean|null} [truncated] Process truncated
             * @property {string|null} [cwd] Process cwd
             * @property {number|null} [uid] Process uid
             * @property {number|null} [gid] Process gid
             * @property {number|null} [loginUid] Process loginUid
             * @property {string|null} [cgroup] Process cgroup
             * @property {string|null} [containerId] Process containerId
             * @property {number|null} [exitCode] Process exitCode
             * @property {number|null} [signal] Process signal
             * @property {boolean|null} [coreDumped] Process coreDumped
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */

            /**
             * Properties of a Process.
             * @memberof sworn.v1
             * @interface IProcess
             * @augments sworn.v1.Process.$Properties
             * @deprecated Use sworn.v1.Process.$Properties instead.
             */

            /**
             * Shape of a Process.
             * @typedef {sworn.v1.Process.$Properties} sworn.v1.Process.$Shape
             */

            /**
             * Constructs a new Process.
             * @memberof sworn.v1
             * @classdesc Represents a Process.
             * @constructor
             * @param {sworn.v1.Process.$Properties=} [properties] Properties to set
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */
            const Process = function (properties) {
                this.argv = [];
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            /**
             * Process action.
             * @member {sworn.v1.Process.Action} action
             * @memberof sworn.v1.Process
             * @instance
             */
            Process.prototype.action = 0;

            /**
             * Process parentPid.
             * @member {number} parentPid
             * @memberof sworn.v1.Process
             * @instance
             */
            Process.prototype.parentPid = 0;

            /**
             * Process parentProcessId.
             * @member {string} parentProcessId
             * @memberof sworn.v1.Process
             * @instance
             */
            Process.prototype.parentProcessId = "";

            /**
             * Process argv.
             * @member {Array.<string>} argv
             * @memberof sworn.v1.Process
             * @instance
             */
            Process.prototype.argv = $util.emptyArray;

            /**
             * Process argvBytes.
             * @member {number} argvBytes
             * @memberof sworn.v1.Process
             * @instance
             */
            Process.prototype.argvBytes = 0;

            /**
             * Process truncated.
             * @member {boolean} truncated
             * @memberof sworn.v1.Process
             * @instance
             */
            Process.prototype.truncated = false;

            /**
             * Process cwd.
             * @member {string} cwd
             * @memberof sworn.v1.Process
             * @instance
             */
            Process.prototype.cwd = "";

            /**
             * Process uid.
             * @member {number} uid
             * @memberof sworn.v1.Process
             * @instance
             */
            Process.prototype.uid = 0;

            /**
             * Process gid.
             * @member {number} gid
             * @memberof sworn.v1.Process
             * @instance
             */
            Process.prototype.gid = 0;

            /**
             * Process loginUid.
             * @member {number} loginUid
             * @memberof sworn.v1.Process
             * @instance
             */
            Process.prototype.loginUid = 0;

            /**
             * Process cgroup.
             * @member {string} cgroup
             * @memberof sworn.v1.Process
             * @instance
             */
            Process.prototype.cgroup = "";

            /**
             * Process containerId.
             * @member {string} containerId
             * @memberof sworn.v1.Process
             * @instance
             */
            Process.prototype.containerId = "";

            /**
             * Process exitCode.
             * @member {number} exitCode
             * @memberof sworn.v1.Process
             * @instance
             */
            Process.prototype.exitCode = 0;

            /**
             * Process signal.
             * @member {number} signal
             * @memberof sworn.v1.Process
             * @instance
             */
            Process.prototype.signal = 0;

            /**
             * Process coreDumped.
             * @member {boolean} coreDumped
             * @memberof sworn.v1.Process
             * @instance
             */
            Process.prototype.coreDumped = false;

            /**
             * Encodes the specified Process message. Does not implicitly {@link sworn.v1.Process.verify|verify} messages.
             * @function encode
             * @memberof sworn.v1.Process
             * @static
             * @param {sworn.v1.Process.$Properties} message Process message or plain object to encode
             * @param {$protobuf.Writer} [writer] Writer to encode to
             * @returns {$protobuf.Writer} Writer
             */
            Process.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.action != null && $Object.hasOwnProperty.call(message, "action") && message.action !== 0)
                    writer.uint32(/* id 1, wireType 0 =*/8).int32(message.action);
                if (message.parentPid != null && $Object.hasOwnProperty.call(message, "parentPid") && message.parentPid !== 0)
                    writer.uint32(/* id 2, wireType 0 =*/16).uint32(message.parentPid);
                if (message.parentProcessId != null && $Object.hasOwnProperty.call(message, "parentProcessId") && message.parentProcessId !== "")
                    writer.uint32(/* id 3, wireType 2 =*/26).string(message.parentProcessId);
                if (message.argv != null && message.argv.length)
                    for (let i = 0; i < message.argv.length; ++i)
                        writer.uint32(/* id 4, wireType 2 =*/34).string(message.argv[i]);
                if (message.argvBytes != null && $Object.hasOwnProperty.call(message, "argvBytes") && message.argvBytes !== 0)
                    writer.uint32(/* id 5, wireType 0 =*/40).uint32(message.argvBytes);
                if (message.truncated != null && $Object.hasOwnProperty.call(message, "truncated") && message.truncated !== false)
                    writer.uint32(/* id 6, wireType 0 =*/48).bool(message.truncated);
                if (message.cwd != null && $Object.hasOwnProperty.call(message, "cwd") && message.cwd !== "")
                    writer.uint32(/* id 7, wireType 2 =*/58).string(message.cwd);
                if (message.uid != null && $Object.hasOwnProperty.call(message, "uid") && message.uid !== 0)
                    writer.uint32(/* id 8, wireType 0 =*/64).uint32(message.uid);
                if (message.gid != null && $Object.hasOwnProperty.call(message, "gid") && message.gid !== 0)
                    writer.uint32(/* id 9, wireType 0 =*/72).uint32(message.gid);
                if (message.loginUid != null && $Object.hasOwnProperty.call(message, "loginUid") && message.loginUid !== 0)
                    writer.uint32(/* id 10, wireType 0 =*/80).uint32(message.loginUid);
                if (message.cgroup != null && $Object.hasOwnProperty.call(message, "cgroup") && message.cgroup !== "")
                    writer.uint32(/* id 11, wireType 2 =*/90).string(message.cgroup);
                if (message.containerId != null && $Object.hasOwnProperty.call(message, "containerId") && message.containerId !== "")
                    writer.uint32(/* id 12, wireType 2 =*/98).string(message.containerId);
                if (message.exitCode != null && $Object.hasOwnProperty.call(message, "exitCode") && message.exitCode !== 0)
                    writer.uint32(/* id 13, wireType 0 =*/104).uint32(message.exitCode);
                if (message.signal != null && $Object.hasOwnProperty.call(message, "signal") && message.signal !== 0)
                    writer.uint32(/* id 14, wireType 0 =*/112).uint32(message.signal);
                if (message.coreDumped != null && $Object.hasOwnProperty.call(message, "coreDumped") && message.coreDumped !== false)
                    writer.uint32(/* id 15, wireType 0 =*/120).bool(message.coreDumped);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            /**
             * Decodes a Process message from the specified reader or buffer.
             * @function decode
             * @memberof sworn.v1.Process
             * @static
             * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
             * @param {number} [length] Message length if known beforehand
             * @returns {sworn.v1.Process & sworn.v1.Process.$Shape} Process
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            Process.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.sworn.v1.Process();
                while (reader.pos < end) {
                    let start = reader.pos;
                    let tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    let wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.action = value;
                            else
                                delete message.action;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.parentPid = value;
                            else
                                delete message.parentPid;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.parentProcessId = value;
                            else
                                delete message.parentProcessId;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 2)
                                break;
                            if (!(message.argv && message.argv.length))
                                message.argv = [];
                            message.argv.push(reader.stringVerify());
                            continue;
                        }
                    case 5: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.argvBytes = value;
                            else
                                delete message.argvBytes;
                            continue;
                        }
                    case 6: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.bool())
                                message.truncated = value;
                            else
                                delete message.truncated;
                            continue;
                        }
                    case 7: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.cwd = value;
                            else
                                delete message.cwd;
                            continue;
                        }
                    case 8: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.uid = value;
                            else
                                delete message.uid;
                            continue;
                        }
                    case 9: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.gid = value;
                            else
                                delete message.gid;
                            continue;
                        }
                    case 10: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.loginUid = value;
                            else
                                delete message.loginUid;
                            continue;
                        }
                    case 11: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.cgroup = value;
                            else
                                delete message.cgroup;
                            continue;
                        }
                    case 12: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.containerId = value;
                            else
                                delete message.containerId;
                            continue;
                        }
                    case 13: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.exitCode = value;
                            else
                                delete message.exitCode;
                            continue;
                        }
                    case 14: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.signal = value;
                            else
                                delete message.signal;
                            continue;
                        }
                    case 15: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.bool())
                                message.coreDumped = value;
                            else
                                delete message.coreDumped;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            /**
             * Action enum.
             * @name sworn.v1.Process.Action
             * @enum {number}
             * @property {number} ACTION_UNSPECIFIED=0 ACTION_UNSPECIFIED value
             * @property {number} ACTION_FORK=1 ACTION_FORK value
             * @property {number} ACTION_EXEC=2 ACTION_EXEC value
             * @property {number} ACTION_EXIT=3 ACTION_EXIT value
             * @property {number} ACTION_JOINED=4 ACTION_JOINED value
             */
            Process.Action = (function() {
                const valuesById = $Object.create(null), values = $Object.create(valuesById);
                values[valuesById[0] = "ACTION_UNSPECIFIED"] = 0;
                values[valuesById[1] = "ACTION_FORK"] = 1;
                values[valuesById[2] = "ACTION_EXEC"] = 2;
                values[valuesById[3] = "ACTION_EXIT"] = 3;
                values[valuesById[4] = "ACTION_JOINED"] = 4;
                return values;
            })();

            return Process;
        })();

        v1.Connection = (function() {

            /**
             * Properties of a Connection.
             * @typedef {Object} sworn.v1.Connection.$Properties
             * @property {sworn.v1.Connection.Action|null} [action] Connection action
             * @property {string|null} [transport] Connection transport
             * @property {string|null} [protocol] Connection protocol
             * @property {sworn.v1.Role|null} [role] Connection role
             * @property {string|null} [localAddress] Connection localAddress
             * @property {number|null} [localPort] Connection localPort
             * @property {string|null} [remoteAddress] Connection remoteAddress
             * @property {number|null} [remotePort] Connection remotePort
             * @property {boolean|null} [joinedLate] Connection joinedLate
             * @property {string|null} [error] Connection error
             * @property {sworn.v1.ByteAccount.$Properties|null} [sent] Connection sent
             * @property {sworn.v1.ByteAccount.$Properties|null} [received] Connection received
             * @property {string|null} [tls] Connection tls
             * @property {string|null} [serverName] Connection serverName
             * @property {Object.<string,string>|null} [attributes] Connection attributes
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */

            /**
             * Properties of a Connection.
             * @memberof sworn.v1
             * @interface IConnection
             * @augments sworn.v1.Connection.$Properties
             * @deprecated Use sworn.v1.Connection.$Properties instead.
             */

            /**
             * Shape of a Connection.
             * @typedef {sworn.v1.Connection.$Properties} sworn.v1.Connection.$Shape
             */

            /**
             * Constructs a new Connection.
             * @memberof sworn.v1
             * @classdesc Represents a Connection.
             * @constructor
             * @param {sworn.v1.Connection.$Properties=} [properties] Properties to set
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */
            const Connection = function (properties) {
                this.attributes = {};
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            /**
             * Connection action.
             * @member {sworn.v1.Connection.Action} action
             * @memberof sworn.v1.Connection
             * @instance
             */
            Connection.prototype.action = 0;

            /**
             * Connection transport.
             * @member {string} transport
             * @memberof sworn.v1.Connection
             * @instance
             */
            Connection.prototype.transport = "";

            /**
             * Connection protocol.
             * @member {string} protocol
             * @memberof sworn.v1.Connection
             * @instance
             */
            Connection.prototype.protocol = "";

            /**
             * Connection role.
             * @member {sworn.v1.Role} role
             * @memberof sworn.v1.Connection
             * @instance
             */
            Connection.prototype.role = 0;

            /**
             * Connection localAddress.
             * @member {string} localAddress
             * @memberof sworn.v1.Connection
             * @instance
             */
            Connection.prototype.localAddress = "";

            /**
             * Connection localPort.
             * @member {number} localPort
             * @memberof sworn.v1.Connection
             * @instance
             */
            Connection.prototype.localPort = 0;

            /**
             * Connection remoteAddress.
             * @member {string} remoteAddress
             * @memberof sworn.v1.Connection
             * @instance
             */
            Connection.prototype.remoteAddress = "";

            /**
             * Connection remotePort.
             * @member {number} remotePort
             * @memberof sworn.v1.Connection
             * @instance
             */
            Connection.prototype.remotePort = 0;

            /**
             * Connection joinedLate.
             * @member {boolean} joinedLate
             * @memberof sworn.v1.Connection
             * @instance
             */
            Connection.prototype.joinedLate = false;

            /**
             * Connection error.
             * @member {string} error
             * @memberof sworn.v1.Connection
             * @instance
             */
            Connection.prototype.error = "";

            /**
             * Connection sent.
             * @member {sworn.v1.ByteAccount.$Properties|null|undefined} sent
             * @memberof sworn.v1.Connection
             * @instance
             */
            Connection.prototype.sent = null;

            /**
             * Connection received.
             * @member {sworn.v1.ByteAccount.$Properties|null|undefined} received
             * @memberof sworn.v1.Connection
             * @instance
             */
            Connection.prototype.received = null;

            /**
             * Connection tls.
             * @member {string} tls
             * @memberof sworn.v1.Connection
             * @instance
             */
            Connection.prototype.tls = "";

            /**
             * Connection serverName.
             * @member {string} serverName
             * @memberof sworn.v1.Connection
             * @instance
             */
            Connection.prototype.serverName = "";

            /**
             * Connection attributes.
             * @member {Object.<string,string>} attributes
             * @memberof sworn.v1.Connection
             * @instance
             */
            Connection.prototype.attributes = $util.emptyObject;

            /**
             * Encodes the specified Connection message. Does not implicitly {@link sworn.v1.Connection.verify|verify} messages.
             * @function encode
             * @memberof sworn.v1.Connection
             * @static
             * @param {sworn.v1.Connection.$Properties} message Connection message or plain object to encode
             * @param {$protobuf.Writer} [writer] Writer to encode to
             * @returns {$protobuf.Writer} Writer
             */
            Connection.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.action != null && $Object.hasOwnProperty.call(message, "action") && message.action !== 0)
                    writer.uint32(/* id 1, wireType 0 =*/8).int32(message.action);
                if (message.transport != null && $Object.hasOwnProperty.call(message, "transport") && message.transport !== "")
                    writer.uint32(/* id 2, wireType 2 =*/18).string(message.transport);
                if (message.protocol != null && $Object.hasOwnProperty.call(message, "protocol") && message.protocol !== "")
                    writer.uint32(/* id 3, wireType 2 =*/26).string(message.protocol);
                if (message.role != null && $Object.hasOwnProperty.call(message, "role") && message.role !== 0)
                    writer.uint32(/* id 4, wireType 0 =*/32).int32(message.role);
                if (message.localAddress != null && $Object.hasOwnProperty.call(message, "localAddress") && message.localAddress !== "")
                    writer.uint32(/* id 5, wireType 2 =*/42).string(message.localAddress);
                if (message.localPort != null && $Object.hasOwnProperty.call(message, "localPort") && message.localPort !== 0)
                    writer.uint32(/* id 6, wireType 0 =*/48).uint32(message.localPort);
                if (message.remoteAddress != null && $Object.hasOwnProperty.call(message, "remoteAddress") && message.remoteAddress !== "")
                    writer.uint32(/* id 7, wireType 2 =*/58).string(message.remoteAddress);
                if (message.remotePort != null && $Object.hasOwnProperty.call(message, "remotePort") && message.remotePort !== 0)
                    writer.uint32(/* id 8, wireType 0 =*/64).uint32(message.remotePort);
                if (message.joinedLate != null && $Object.hasOwnProperty.call(message, "joinedLate") && message.joinedLate !== false)
                    writer.uint32(/* id 9, wireType 0 =*/72).bool(message.joinedLate);
                if (message.error != null && $Object.hasOwnProperty.call(message, "error") && message.error !== "")
                    writer.uint32(/* id 10, wireType 2 =*/82).string(message.error);
                if (message.sent != null && $Object.hasOwnProperty.call(message, "sent"))
                    $root.sworn.v1.ByteAccount.encode(message.sent, writer.uint32(/* id 11, wireType 2 =*/90).fork(), _depth + 1).ldelim();
                if (message.received != null && $Object.hasOwnProperty.call(message, "received"))
                    $root.sworn.v1.ByteAccount.encode(message.received, writer.uint32(/* id 12, wireType 2 =*/98).fork(), _depth + 1).ldelim();
                if (message.tls != null && $Object.hasOwnProperty.call(message, "tls") && message.tls !== "")
                    writer.uint32(/* id 13, wireType 2 =*/106).string(message.tls);
                if (message.serverName != null && $Object.hasOwnProperty.call(message, "serverName") && message.serverName !== "")
                    writer.uint32(/* id 14, wireType 2 =*/114).string(message.serverName);
                if (message.attributes != null && $Object.hasOwnProperty.call(message, "attributes"))
                    for (let keys = $Object.keys(message.attributes), i = 0; i < keys.length; ++i)
                        writer.uint32(/* id 15, wireType 2 =*/122).fork().uint32(/* id 1, wireType 2 =*/10).string(keys[i]).uint32(/* id 2, wireType 2 =*/18).string(message.attributes[keys[i]]).ldelim();
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            /**
             * Decodes a Connection message from the specified reader or buffer.
             * @function decode
             * @memberof sworn.v1.Connection
             * @static
             * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
             * @param {number} [length] Message length if known beforehand
             * @returns {sworn.v1.Connection & sworn.v1.Connection.$Shape} Connection
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            Connection.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message, key, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.sworn.v1.Connection();
                while (reader.pos < end) {
                    let start = reader.pos;
                    let tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    let wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.action = value;
                            else
                                delete message.action;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.transport = value;
                            else
                                delete message.transport;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.protocol = value;
                            else
                                delete message.protocol;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.role = value;
                            else
                                delete message.role;
                            continue;
                        }
                    case 5: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.localAddress = value;
                            else
                                delete message.localAddress;
                            continue;
                        }
                    case 6: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.localPort = value;
                            else
                                delete message.localPort;
                            continue;
                        }
                    case 7: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.remoteAddress = value;
                            else
                                delete message.remoteAddress;
                            continue;
                        }
                    case 8: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.remotePort = value;
                            else
                                delete message.remotePort;
                            continue;
                        }
                    case 9: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.bool())
                                message.joinedLate = value;
                            else
                                delete message.joinedLate;
                            continue;
                        }
                    case 10: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.error = value;
                            else
                                delete message.error;
                            continue;
                        }
                    case 11: {
                            if (wireType !== 2)
                                break;
                            message.sent = $root.sworn.v1.ByteAccount.decode(reader, reader.size(), $undefined, _depth + 1, message.sent);
                            continue;
                        }
                    case 12: {
                            if (wireType !== 2)
                                break;
                            message.received = $root.sworn.v1.ByteAccount.decode(reader, reader.size(), $undefined, _depth + 1, message.received);
                            continue;
                        }
                    case 13: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.tls = value;
                            else
                                delete message.tls;
                            continue;
                        }
                    case 14: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.serverName = value;
                            else
                                delete message.serverName;
                            continue;
                        }
                    case 15: {
                            if (wireType !== 2)
                                break;
                            if (message.attributes === $util.emptyObject)
                                message.attributes = {};
                            let end2 = reader.size() + reader.pos;
                            if (end2 > reader.len)
                                throw $RangeError("index out of range");
                            reader.len = end2;
                            key = "";
                            value = "";
                            while (reader.pos < end2) {
                                let tag2 = reader.tag();
                                wireType = tag2 & 7;
                                switch (tag2 >>>= 3) {
                                case 1:
                                    if (wireType !== 2)
                                        break;
                                    key = reader.stringVerify();
                                    continue;
                                case 2:
                                    if (wireType !== 2)
                                        break;
                                    value = reader.stringVerify();
                                    continue;
                                }
                                reader.skipType(wireType, _depth, tag2);
                            }
                            if (reader.pos !== end2)
                                throw $RangeError("index out of range");
                            reader.len = end;
                            if (key === "__proto__")
                                $util.makeProp(message.attributes, key);
                            message.attributes[key] = value;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            /**
             * Action enum.
             * @name sworn.v1.Connection.Action
             * @enum {number}
             * @property {number} ACTION_UNSPECIFIED=0 ACTION_UNSPECIFIED value
             * @property {number} ACTION_OPENED=1 ACTION_OPENED value
             * @property {number} ACTION_CLOSED=2 ACTION_CLOSED value
             * @property {number} ACTION_FAILED=3 ACTION_FAILED value
             */
            Connection.Action = (function() {
                const valuesById = $Object.create(null), values = $Object.create(valuesById);
                values[valuesById[0] = "ACTION_UNSPECIFIED"] = 0;
                values[valuesById[1] = "ACTION_OPENED"] = 1;
                values[valuesById[2] = "ACTION_CLOSED"] = 2;
                values[valuesById[3] = "ACTION_FAILED"] = 3;
                return values;
            })();

            return Connection;
        })();

        v1.ByteAccount = (function() {

            /**
             * Properties of a ByteAccount.
             * @typedef {Object} sworn.v1.ByteAccount.$Properties
             * @property {number|Long|null} [moved] ByteAccount moved
             * @property {number|Long|null} [decoded] ByteAccount decoded
             * @property {number|Long|null} [notUnderstood] ByteAccount notUnderstood
             * @property {number|Long|null} [unreadable] ByteAccount unreadable
             * @property {number|Long|null} [cut] ByteAccount cut
             * @property {number|Long|null} [lost] ByteAccount lost
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */

            /**
             * Properties of a ByteAccount.
             * @memberof sworn.v1
             * @interface IByteAccount
             * @augments sworn.v1.ByteAccount.$Properties
             * @deprecated Use sworn.v1.ByteAccount.$Properties instead.
             */

            /**
             * Shape of a ByteAccount.
             * @typedef {sworn.v1.ByteAccount.$Properties} sworn.v1.ByteAccount.$Shape
             */

            /**
             * Constructs a new ByteAccount.
             * @memberof sworn.v1
             * @classdesc Represents a ByteAccount.
             * @constructor
             * @param {sworn.v1.ByteAccount.$Properties=} [properties] Properties to set
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */
            const ByteAccount = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            /**
             * ByteAccount moved.
             * @member {number|Long} moved
             * @memberof sworn.v1.ByteAccount
             * @instance
             */
            ByteAccount.prototype.moved = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

            /**
             * ByteAccount decoded.
             * @member {number|Long} decoded
             * @memberof sworn.v1.ByteAccount
             * @instance
             */
            ByteAccount.prototype.decoded = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

            /**
             * ByteAccount notUnderstood.
             * @member {number|Long} notUnderstood
             * @memberof sworn.v1.ByteAccount
             * @instance
             */
            ByteAccount.prototype.notUnderstood = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

            /**
             * ByteAccount unreadable.
             * @member {number|Long} unreadable
             * @memberof sworn.v1.ByteAccount
             * @instance
             */
            ByteAccount.prototype.unreadable = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

            /**
             * ByteAccount cut.
             * @member {number|Long} cut
             * @memberof sworn.v1.ByteAccount
             * @instance
             */
            ByteAccount.prototype.cut = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

            /**
             * ByteAccount lost.
             * @member {number|Long} lost
             * @memberof sworn.v1.ByteAccount
             * @instance
             */
            ByteAccount.prototype.lost = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

            /**
             * Encodes the specified ByteAccount message. Does not implicitly {@link sworn.v1.ByteAccount.verify|verify} messages.
             * @function encode
             * @memberof sworn.v1.ByteAccount
             * @static
             * @param {sworn.v1.ByteAccount.$Properties} message ByteAccount message or plain object to encode
             * @param {$protobuf.Writer} [writer] Writer to encode to
             * @returns {$protobuf.Writer} Writer
             */
            ByteAccount.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.moved != null && $Object.hasOwnProperty.call(message, "moved") && (typeof message.moved === "object" ? message.moved.low || message.moved.high : message.moved !== 0))
                    writer.uint32(/* id 1, wireType 0 =*/8).uint64(message.moved);
                if (message.decoded != null && $Object.hasOwnProperty.call(message, "decoded") && (typeof message.decoded === "object" ? message.decoded.low || message.decoded.high : message.decoded !== 0))
                    writer.uint32(/* id 2, wireType 0 =*/16).uint64(message.decoded);
                if (message.notUnderstood != null && $Object.hasOwnProperty.call(message, "notUnderstood") && (typeof message.notUnderstood === "object" ? message.notUnderstood.low || message.notUnderstood.high : message.notUnderstood !== 0))
                    writer.uint32(/* id 3, wireType 0 =*/24).uint64(message.notUnderstood);
                if (message.unreadable != null && $Object.hasOwnProperty.call(message, "unreadable") && (typeof message.unreadable === "object" ? message.unreadable.low || message.unreadable.high : message.unreadable !== 0))
                    writer.uint32(/* id 4, wireType 0 =*/32).uint64(message.unreadable);
                if (message.cut != null && $Object.hasOwnProperty.call(message, "cut") && (typeof message.cut === "object" ? message.cut.low || message.cut.high : message.cut !== 0))
                    writer.uint32(/* id 5, wireType 0 =*/40).uint64(message.cut);
                if (message.lost != null && $Object.hasOwnProperty.call(message, "lost") && (typeof message.lost === "object" ? message.lost.low || message.lost.high : message.lost !== 0))
                    writer.uint32(/* id 6, wireType 0 =*/48).uint64(message.lost);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            /**
             * Decodes a ByteAccount message from the specified reader or buffer.
             * @function decode
             * @memberof sworn.v1.ByteAccount
             * @static
             * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
             * @param {number} [length] Message length if known beforehand
             * @returns {sworn.v1.ByteAccount & sworn.v1.ByteAccount.$Shape} ByteAccount
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            ByteAccount.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.sworn.v1.ByteAccount();
                while (reader.pos < end) {
                    let start = reader.pos;
                    let tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    let wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.moved = value;
                            else
                                delete message.moved;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.decoded = value;
                            else
                                delete message.decoded;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.notUnderstood = value;
                            else
                                delete message.notUnderstood;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.unreadable = value;
                            else
                                delete message.unreadable;
                            continue;
                        }
                    case 5: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.cut = value;
                            else
                                delete message.cut;
                            continue;
                        }
                    case 6: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.lost = value;
                            else
                                delete message.lost;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return ByteAccount;
        })();

        v1.Token = (function() {

            /**
             * Properties of a Token.
             * @typedef {Object} sworn.v1.Token.$Properties
             * @property {sworn.v1.Token.Action|null} [action] Token action
             * @property {string|null} [fingerprint] Token fingerprint
             * @property {string|null} [audience] Token audience
             * @property {string|null} [tenantId] Token tenantId
             * @property {string|null} [claims] Token claims
             * @property {number|Long|null} [issuedAtNs] Token issuedAtNs
             * @property {number|Long|null} [expiresAtNs] Token expiresAtNs
             * @property {string|null} [reason] Token reason
             * @property {string|null} ["interface"] Token interface
             * @property {boolean|null} [suspicious] Token suspicious
             * @property {string|null} [holderSessionId] Token holderSessionId
             * @property {string|null} [holderProcessId] Token holderProcessId
             * @property {number|Long|null} [count] Token count
             * @property {string|null} [kind] Token kind
             * @property {string|null} [policy] Token policy
             * @property {string|null} [exeSha256] Token exeSha256
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */

            /**
             * Properties of a Token.
             * @memberof sworn.v1
             * @interface IToken
             * @augments sworn.v1.Token.$Properties
             * @deprecated Use sworn.v1.Token.$Properties instead.
             */

            /**
             * Shape of a Token.
             * @typedef {sworn.v1.Token.$Properties} sworn.v1.Token.$Shape
             */

            /**
             * Constructs a new Token.
             * @memberof sworn.v1
             * @classdesc Represents a Token.
             * @constructor
             * @param {sworn.v1.Token.$Properties=} [properties] Properties to set
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */
            const Token = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            /**
             * Token action.
             * @member {sworn.v1.Token.Action} action
             * @memberof sworn.v1.Token
             * @instance
             */
            Token.prototype.action = 0;

            /**
             * Token fingerprint.
             * @member {string} fingerprint
             * @memberof sworn.v1.Token
             * @instance
             */
            Token.prototype.fingerprint = "";

            /**
             * Token audience.
             * @member {string} audience
             * @memberof sworn.v1.Token
             * @instance
             */
            Token.prototype.audience = "";

            /**
             * Token tenantId.
             * @member {string} tenantId
             * @memberof sworn.v1.Token
             * @instance
             */
            Token.prototype.tenantId = "";

            /**
             * Token claims.
             * @member {string} claims
             * @memberof sworn.v1.Token
             * @instance
             */
            Token.prototype.claims = "";

            /**
             * Token issuedAtNs.
             * @member {number|Long} issuedAtNs
             * @memberof sworn.v1.Token
             * @instance
             */
            Token.prototype.issuedAtNs = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

            /**
             * Token expiresAtNs.
             * @member {number|Long} expiresAtNs
             * @memberof sworn.v1.Token
             * @instance
             */
            Token.prototype.expiresAtNs = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

            /**
             * Token reason.
             * @member {string} reason
             * @memberof sworn.v1.Token
             * @instance
             */
            Token.prototype.reason = "";

            /**
             * Token interface.
             * @member {string} interface
             * @memberof sworn.v1.Token
             * @instance
             */
            Token.prototype["interface"] = "";

            /**
             * Token suspicious.
             * @member {boolean} suspicious
             * @memberof sworn.v1.Token
             * @instance
             */
            Token.prototype.suspicious = false;

            /**
             * Token holderSessionId.
             * @member {string} holderSessionId
             * @memberof sworn.v1.Token
             * @instance
             */
            Token.prototype.holderSessionId = "";

            /**
             * Token holderProcessId.
             * @member {string} holderProcessId
             * @memberof sworn.v1.Token
             * @instance
             */
            Token.prototype.holderProcessId = "";

            /**
             * Token count.
             * @member {number|Long} count
             * @memberof sworn.v1.Token
             * @instance
             */
            Token.prototype.count = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

            /**
             * Token kind.
             * @member {string} kind
             * @memberof sworn.v1.Token
             * @instance
             */
            Token.prototype.kind = "";

            /**
             * Token policy.
             * @member {string} policy
             * @memberof sworn.v1.Token
             * @instance
             */
            Token.prototype.policy = "";

            /**
             * Token exeSha256.
             * @member {string} exeSha256
             * @memberof sworn.v1.Token
             * @instance
             */
            Token.prototype.exeSha256 = "";

            /**
             * Encodes the specified Token message. Does not implicitly {@link sworn.v1.Token.verify|verify} messages.
             * @function encode
             * @memberof sworn.v1.Token
             * @static
             * @param {sworn.v1.Token.$Properties} message Token message or plain object to encode
             * @param {$protobuf.Writer} [writer] Writer to encode to
             * @returns {$protobuf.Writer} Writer
             */
            Token.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.action != null && $Object.hasOwnProperty.call(message, "action") && message.action !== 0)
                    writer.uint32(/* id 1, wireType 0 =*/8).int32(message.action);
                if (message.fingerprint != null && $Object.hasOwnProperty.call(message, "fingerprint") && message.fingerprint !== "")
                    writer.uint32(/* id 2, wireType 2 =*/18).string(message.fingerprint);
                if (message.audience != null && $Object.hasOwnProperty.call(message, "audience") && message.audience !== "")
                    writer.uint32(/* id 3, wireType 2 =*/26).string(message.audience);
                if (message.tenantId != null && $Object.hasOwnProperty.call(message, "tenantId") && message.tenantId !== "")
                    writer.uint32(/* id 4, wireType 2 =*/34).string(message.tenantId);
                if (message.claims != null && $Object.hasOwnProperty.call(message, "claims") && message.claims !== "")
                    writer.uint32(/* id 5, wireType 2 =*/42).string(message.claims);
                if (message.issuedAtNs != null && $Object.hasOwnProperty.call(message, "issuedAtNs") && (typeof message.issuedAtNs === "object" ? message.issuedAtNs.low || message.issuedAtNs.high : message.issuedAtNs !== 0))
                    writer.uint32(/* id 6, wireType 1 =*/49).fixed64(message.issuedAtNs);
                if (message.expiresAtNs != null && $Object.hasOwnProperty.call(message, "expiresAtNs") && (typeof message.expiresAtNs === "object" ? message.expiresAtNs.low || message.expiresAtNs.high : message.expiresAtNs !== 0))
                    writer.uint32(/* id 7, wireType 1 =*/57).fixed64(message.expiresAtNs);
                if (message.reason != null && $Object.hasOwnProperty.call(message, "reason") && message.reason !== "")
                    writer.uint32(/* id 8, wireType 2 =*/66).string(message.reason);
                if (message["interface"] != null && $Object.hasOwnProperty.call(message, "interface") && message["interface"] !== "")
                    writer.uint32(/* id 9, wireType 2 =*/74).string(message["interface"]);
                if (message.suspicious != null && $Object.hasOwnProperty.call(message, "suspicious") && message.suspicious !== false)
                    writer.uint32(/* id 10, wireType 0 =*/80).bool(message.suspicious);
                if (message.holderSessionId != null && $Object.hasOwnProperty.call(message, "holderSessionId") && message.holderSessionId !== "")
                    writer.uint32(/* id 11, wireType 2 =*/90).string(message.holderSessionId);
                if (message.holderProcessId != null && $Object.hasOwnProperty.call(message, "holderProcessId") && message.holderProcessId !== "")
                    writer.uint32(/* id 12, wireType 2 =*/98).string(message.holderProcessId);
                if (message.count != null && $Object.hasOwnProperty.call(message, "count") && (typeof message.count === "object" ? message.count.low || message.count.high : message.count !== 0))
                    writer.uint32(/* id 13, wireType 0 =*/104).uint64(message.count);
                if (message.kind != null && $Object.hasOwnProperty.call(message, "kind") && message.kind !== "")
                    writer.uint32(/* id 14, wireType 2 =*/114).string(message.kind);
                if (message.policy != null && $Object.hasOwnProperty.call(message, "policy") && message.policy !== "")
                    writer.uint32(/* id 15, wireType 2 =*/122).string(message.policy);
                if (message.exeSha256 != null && $Object.hasOwnProperty.call(message, "exeSha256") && message.exeSha256 !== "")
                    writer.uint32(/* id 16, wireType 2 =*/130).string(message.exeSha256);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            /**
             * Decodes a Token message from the specified reader or buffer.
             * @function decode
             * @memberof sworn.v1.Token
             * @static
             * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
             * @param {number} [length] Message length if known beforehand
             * @returns {sworn.v1.Token & sworn.v1.Token.$Shape} Token
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            Token.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.sworn.v1.Token();
                while (reader.pos < end) {
                    let start = reader.pos;
                    let tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    let wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.action = value;
                            else
                                delete message.action;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.fingerprint = value;
                            else
                                delete message.fingerprint;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.audience = value;
                            else
                                delete message.audience;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.tenantId = value;
                            else
                                delete message.tenantId;
                            continue;
                        }
                    case 5: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.claims = value;
                            else
                                delete message.claims;
                            continue;
                        }
                    case 6: {
                            if (wireType !== 1)
                                break;
                            if (typeof (value = reader.fixed64()) === "object" ? value.low || value.high : value !== 0)
                                message.issuedAtNs = value;
                            else
                                delete message.issuedAtNs;
                            continue;
                        }
                    case 7: {
                            if (wireType !== 1)
                                break;
                            if (typeof (value = reader.fixed64()) === "object" ? value.low || value.high : value !== 0)
                                message.expiresAtNs = value;
                            else
                                delete message.expiresAtNs;
                            continue;
                        }
                    case 8: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.reason = value;
                            else
                                delete message.reason;
                            continue;
                        }
                    case 9: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message["interface"] = value;
                            else
                                delete message["interface"];
                            continue;
                        }
                    case 10: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.bool())
                                message.suspicious = value;
                            else
                                delete message.suspicious;
                            continue;
                        }
                    case 11: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.holderSessionId = value;
                            else
                                delete message.holderSessionId;
                            continue;
                        }
                    case 12: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.holderProcessId = value;
                            else
                                delete message.holderProcessId;
                            continue;
                        }
                    case 13: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.count = value;
                            else
                                delete message.count;
                            continue;
                        }
                    case 14: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.kind = value;
                            else
                                delete message.kind;
                            continue;
                        }
                    case 15: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.policy = value;
                            else
                                delete message.policy;
                            continue;
                        }
                    case 16: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.exeSha256 = value;
                            else
                                delete message.exeSha256;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            /**
             * Action enum.
             * @name sworn.v1.Token.Action
             * @enum {number}
             * @property {number} ACTION_UNSPECIFIED=0 ACTION_UNSPECIFIED value
             * @property {number} ACTION_ISSUED=1 ACTION_ISSUED value
             * @property {number} ACTION_REFUSED=2 ACTION_REFUSED value
             * @property {number} ACTION_OBSERVED=3 ACTION_OBSERVED value
             */
            Token.Action = (function() {
                const valuesById = $Object.create(null), values = $Object.create(valuesById);
                values[valuesById[0] = "ACTION_UNSPECIFIED"] = 0;
                values[valuesById[1] = "ACTION_ISSUED"] = 1;
                values[valuesById[2] = "ACTION_REFUSED"] = 2;
                values[valuesById[3] = "ACTION_OBSERVED"] = 3;
                return values;
            })();

            return Token;
        })();

        v1.Loss = (function() {

            /**
             * Properties of a Loss.
             * @typedef {Object} sworn.v1.Loss.$Properties
             * @property {string|null} [where] Loss where
             * @property {string|null} [reason] Loss reason
             * @property {number|Long|null} [events] Loss events
             * @property {number|Long|null} [bytes] Loss bytes
             * @property {string|null} [direction] Loss direction
             * @property {string|null} [message] Loss message
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */

            /**
             * Properties of a Loss.
             * @memberof sworn.v1
             * @interface ILoss
             * @augments sworn.v1.Loss.$Properties
             * @deprecated Use sworn.v1.Loss.$Properties instead.
             */

            /**
             * Shape of a Loss.
             * @typedef {sworn.v1.Loss.$Properties} sworn.v1.Loss.$Shape
             */

            /**
             * Constructs a new Loss.
             * @memberof sworn.v1
             * @classdesc Represents a Loss.
             * @constructor
             * @param {sworn.v1.Loss.$Properties=} [properties] Properties to set
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */
            const Loss = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            /**
             * Loss where.
             * @member {string} where
             * @memberof sworn.v1.Loss
             * @instance
             */
            Loss.prototype.where = "";

            /**
             * Loss reason.
             * @member {string} reason
             * @memberof sworn.v1.Loss
             * @instance
             */
            Loss.prototype.reason = "";

            /**
             * Loss events.
             * @member {number|Long} events
             * @memberof sworn.v1.Loss
             * @instance
             */
            Loss.prototype.events = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

            /**
             * Loss bytes.
             * @member {number|Long} bytes
             * @memberof sworn.v1.Loss
             * @instance
             */
            Loss.prototype.bytes = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

            /**
             * Loss direction.
             * @member {string} direction
             * @memberof sworn.v1.Loss
             * @instance
             */
            Loss.prototype.direction = "";

            /**
             * Loss message.
             * @member {string} message
             * @memberof sworn.v1.Loss
             * @instance
             */
            Loss.prototype.message = "";

            /**
             * Encodes the specified Loss message. Does not implicitly {@link sworn.v1.Loss.verify|verify} messages.
             * @function encode
             * @memberof sworn.v1.Loss
             * @static
             * @param {sworn.v1.Loss.$Properties} message Loss message or plain object to encode
             * @param {$protobuf.Writer} [writer] Writer to encode to
             * @returns {$protobuf.Writer} Writer
             */
            Loss.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.where != null && $Object.hasOwnProperty.call(message, "where") && message.where !== "")
                    writer.uint32(/* id 1, wireType 2 =*/10).string(message.where);
                if (message.reason != null && $Object.hasOwnProperty.call(message, "reason") && message.reason !== "")
                    writer.uint32(/* id 2, wireType 2 =*/18).string(message.reason);
                if (message.events != null && $Object.hasOwnProperty.call(message, "events") && (typeof message.events === "object" ? message.events.low || message.events.high : message.events !== 0))
                    writer.uint32(/* id 3, wireType 0 =*/24).uint64(message.events);
                if (message.bytes != null && $Object.hasOwnProperty.call(message, "bytes") && (typeof message.bytes === "object" ? message.bytes.low || message.bytes.high : message.bytes !== 0))
                    writer.uint32(/* id 4, wireType 0 =*/32).uint64(message.bytes);
                if (message.direction != null && $Object.hasOwnProperty.call(message, "direction") && message.direction !== "")
                    writer.uint32(/* id 5, wireType 2 =*/42).string(message.direction);
                if (message.message != null && $Object.hasOwnProperty.call(message, "message") && message.message !== "")
                    writer.uint32(/* id 6, wireType 2 =*/50).string(message.message);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            /**
             * Decodes a Loss message from the specified reader or buffer.
             * @function decode
             * @memberof sworn.v1.Loss
             * @static
             * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
             * @param {number} [length] Message length if known beforehand
             * @returns {sworn.v1.Loss & sworn.v1.Loss.$Shape} Loss
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            Loss.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.sworn.v1.Loss();
                while (reader.pos < end) {
                    let start = reader.pos;
                    let tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    let wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.where = value;
                            else
                                delete message.where;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.reason = value;
                            else
                                delete message.reason;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.events = value;
                            else
                                delete message.events;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.bytes = value;
                            else
                                delete message.bytes;
                            continue;
                        }
                    case 5: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.direction = value;
                            else
                                delete message.direction;
                            continue;
                        }
                    case 6: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.message = value;
                            else
                                delete message.message;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return Loss;
        })();

        v1.Session = (function() {

            /**
             * Properties of a Session.
             * @typedef {Object} sworn.v1.Session.$Properties
             * @property {sworn.v1.Session.Action|null} [action] Session action
             * @property {string|null} [selectedBy] Session selectedBy
             * @property {string|null} [commandLine] Session commandLine
             * @property {number|Long|null} [processes] Session processes
             * @property {number|Long|null} [commands] Session commands
             * @property {number|Long|null} [losses] Session losses
             * @property {number|null} [exitCode] Session exitCode
             * @property {number|null} [signal] Session signal
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */

            /**
             * Properties of a Session.
             * @memberof sworn.v1
             * @interface ISession
             * @augments sworn.v1.Session.$Properties
             * @deprecated Use sworn.v1.Session.$Properties instead.
             */

            /**
             * Shape of a Session.
             * @typedef {sworn.v1.Session.$Properties} sworn.v1.Session.$Shape
             */

            /**
             * Constructs a new Session.
             * @memberof sworn.v1
             * @classdesc Represents a Session.
             * @constructor
             * @param {sworn.v1.Session.$Properties=} [properties] Properties to set
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */
            const Session = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            /**
             * Session action.
             * @member {sworn.v1.Session.Action} action
             * @memberof sworn.v1.Session
             * @instance
             */
            Session.prototype.action = 0;

            /**
             * Session selectedBy.
             * @member {string} selectedBy
             * @memberof sworn.v1.Session
             * @instance
             */
            Session.prototype.selectedBy = "";

            /**
             * Session commandLine.
             * @member {string} commandLine
             * @memberof sworn.v1.Session
             * @instance
             */
            Session.prototype.commandLine = "";

            /**
             * Session processes.
             * @member {number|Long} processes
             * @memberof sworn.v1.Session
             * @instance
             */
            Session.prototype.processes = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

            /**
             * Session commands.
             * @member {number|Long} commands
             * @memberof sworn.v1.Session
             * @instance
             */
            Session.prototype.commands = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

            /**
             * Session losses.
             * @member {number|Long} losses
             * @memberof sworn.v1.Session
             * @instance
             */
            Session.prototype.losses = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

            /**
             * Session exitCode.
             * @member {number} exitCode
             * @memberof sworn.v1.Session
             * @instance
             */
            Session.prototype.exitCode = 0;

            /**
             * Session signal.
             * @member {number} signal
             * @memberof sworn.v1.Session
             * @instance
             */
            Session.prototype.signal = 0;

            /**
             * Encodes the specified Session message. Does not implicitly {@link sworn.v1.Session.verify|verify} messages.
             * @function encode
             * @memberof sworn.v1.Session
             * @static
             * @param {sworn.v1.Session.$Properties} message Session message or plain object to encode
             * @param {$protobuf.Writer} [writer] Writer to encode to
             * @returns {$protobuf.Writer} Writer
             */
            Session.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.action != null && $Object.hasOwnProperty.call(message, "action") && message.action !== 0)
                    writer.uint32(/* id 1, wireType 0 =*/8).int32(message.action);
                if (message.selectedBy != null && $Object.hasOwnProperty.call(message, "selectedBy") && message.selectedBy !== "")
                    writer.uint32(/* id 2, wireType 2 =*/18).string(message.selectedBy);
                if (message.commandLine != null && $Object.hasOwnProperty.call(message, "commandLine") && message.commandLine !== "")
                    writer.uint32(/* id 3, wireType 2 =*/26).string(message.commandLine);
                if (message.processes != null && $Object.hasOwnProperty.call(message, "processes") && (typeof message.processes === "object" ? message.processes.low || message.processes.high : message.processes !== 0))
                    writer.uint32(/* id 4, wireType 0 =*/32).uint64(message.processes);
                if (message.commands != null && $Object.hasOwnProperty.call(message, "commands") && (typeof message.commands === "object" ? message.commands.low || message.commands.high : message.commands !== 0))
                    writer.uint32(/* id 5, wireType 0 =*/40).uint64(message.commands);
                if (message.losses != null && $Object.hasOwnProperty.call(message, "losses") && (typeof message.losses === "object" ? message.losses.low || message.losses.high : message.losses !== 0))
                    writer.uint32(/* id 6, wireType 0 =*/48).uint64(message.losses);
                if (message.exitCode != null && $Object.hasOwnProperty.call(message, "exitCode") && message.exitCode !== 0)
                    writer.uint32(/* id 7, wireType 0 =*/56).uint32(message.exitCode);
                if (message.signal != null && $Object.hasOwnProperty.call(message, "signal") && message.signal !== 0)
                    writer.uint32(/* id 8, wireType 0 =*/64).uint32(message.signal);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            /**
             * Decodes a Session message from the specified reader or buffer.
             * @function decode
             * @memberof sworn.v1.Session
             * @static
             * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
             * @param {number} [length] Message length if known beforehand
             * @returns {sworn.v1.Session & sworn.v1.Session.$Shape} Session
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            Session.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.sworn.v1.Session();
                while (reader.pos < end) {
                    let start = reader.pos;
                    let tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    let wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.action = value;
                            else
                                delete message.action;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.selectedBy = value;
                            else
                                delete message.selectedBy;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.commandLine = value;
                            else
                                delete message.commandLine;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.processes = value;
                            else
                                delete message.processes;
                            continue;
                        }
                    case 5: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.commands = value;
                            else
                                delete message.commands;
                            continue;
                        }
                    case 6: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.losses = value;
                            else
                                delete message.losses;
                            continue;
                        }
                    case 7: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.exitCode = value;
                            else
                                delete message.exitCode;
                            continue;
                        }
                    case 8: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.signal = value;
                            else
                                delete message.signal;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            /**
             * Action enum.
             * @name sworn.v1.Session.Action
             * @enum {number}
             * @property {number} ACTION_UNSPECIFIED=0 ACTION_UNSPECIFIED value
             * @property {number} ACTION_STARTED=1 ACTION_STARTED value
             * @property {number} ACTION_ENDED=2 ACTION_ENDED value
             */
            Session.Action = (function() {
                const valuesById = $Object.create(null), values = $Object.create(valuesById);
                values[valuesById[0] = "ACTION_UNSPECIFIED"] = 0;
                values[valuesById[1] = "ACTION_STARTED"] = 1;
                values[valuesById[2] = "ACTION_ENDED"] = 2;
                return values;
            })();

            return Session;
        })();

        v1.Recorder = (function() {

            /**
             * Properties of a Recorder.
             * @typedef {Object} sworn.v1.Recorder.$Properties
             * @property {sworn.v1.Recorder.Action|null} [action] Recorder action
             * @property {string|null} [version] Recorder version
             * @property {string|null} [kernel] Recorder kernel
             * @property {string|null} [bootId] Recorder bootId
             * @property {Object.<string,string>|null} [attributes] Recorder attributes
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */

            /**
             * Properties of a Recorder.
             * @memberof sworn.v1
             * @interface IRecorder
             * @augments sworn.v1.Recorder.$Properties
             * @deprecated Use sworn.v1.Recorder.$Properties instead.
             */

            /**
             * Shape of a Recorder.
             * @typedef {sworn.v1.Recorder.$Properties} sworn.v1.Recorder.$Shape
             */

            /**
             * Constructs a new Recorder.
             * @memberof sworn.v1
             * @classdesc Represents a Recorder.
             * @constructor
             * @param {sworn.v1.Recorder.$Properties=} [properties] Properties to set
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */
            const Recorder = function (properties) {
                this.attributes = {};
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            /**
             * Recorder action.
             * @member {sworn.v1.Recorder.Action} action
             * @memberof sworn.v1.Recorder
             * @instance
             */
            Recorder.prototype.action = 0;

            /**
             * Recorder version.
             * @member {string} version
             * @memberof sworn.v1.Recorder
             * @instance
             */
            Recorder.prototype.version = "";

            /**
             * Recorder kernel.
             * @member {string} kernel
             * @memberof sworn.v1.Recorder
             * @instance
             */
            Recorder.prototype.kernel = "";

            /**
             * Recorder bootId.
             * @member {string} bootId
             * @memberof sworn.v1.Recorder
             * @instance
             */
            Recorder.prototype.bootId = "";

            /**
             * Recorder attributes.
             * @member {Object.<string,string>} attributes
             * @memberof sworn.v1.Recorder
             * @instance
             */
            Recorder.prototype.attributes = $util.emptyObject;

            /**
             * Encodes the specified Recorder message. Does not implicitly {@link sworn.v1.Recorder.verify|verify} messages.
             * @function encode
             * @memberof sworn.v1.Recorder
             * @static
             * @param {sworn.v1.Recorder.$Properties} message Recorder message or plain object to encode
             * @param {$protobuf.Writer} [writer] Writer to encode to
             * @returns {$protobuf.Writer} Writer
             */
            Recorder.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.action != null && $Object.hasOwnProperty.call(message, "action") && message.action !== 0)
                    writer.uint32(/* id 1, wireType 0 =*/8).int32(message.action);
                if (message.version != null && $Object.hasOwnProperty.call(message, "version") && message.version !== "")
                    writer.uint32(/* id 2, wireType 2 =*/18).string(message.version);
                if (message.kernel != null && $Object.hasOwnProperty.call(message, "kernel") && message.kernel !== "")
                    writer.uint32(/* id 3, wireType 2 =*/26).string(message.kernel);
                if (message.bootId != null && $Object.hasOwnProperty.call(message, "bootId") && message.bootId !== "")
                    writer.uint32(/* id 4, wireType 2 =*/34).string(message.bootId);
                if (message.attributes != null && $Object.hasOwnProperty.call(message, "attributes"))
                    for (let keys = $Object.keys(message.attributes), i = 0; i < keys.length; ++i)
                        writer.uint32(/* id 5, wireType 2 =*/42).fork().uint32(/* id 1, wireType 2 =*/10).string(keys[i]).uint32(/* id 2, wireType 2 =*/18).string(message.attributes[keys[i]]).ldelim();
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            /**
             * Decodes a Recorder message from the specified reader or buffer.
             * @function decode
             * @memberof sworn.v1.Recorder
             * @static
             * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
             * @param {number} [length] Message length if known beforehand
             * @returns {sworn.v1.Recorder & sworn.v1.Recorder.$Shape} Recorder
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            Recorder.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message, key, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.sworn.v1.Recorder();
                while (reader.pos < end) {
                    let start = reader.pos;
                    let tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    let wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.action = value;
                            else
                                delete message.action;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.version = value;
                            else
                                delete message.version;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.kernel = value;
                            else
                                delete message.kernel;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.bootId = value;
                            else
                                delete message.bootId;
                            continue;
                        }
                    case 5: {
                            if (wireType !== 2)
                                break;
                            if (message.attributes === $util.emptyObject)
                                message.attributes = {};
                            let end2 = reader.size() + reader.pos;
                            if (end2 > reader.len)
                                throw $RangeError("index out of range");
                            reader.len = end2;
                            key = "";
                            value = "";
                            while (reader.pos < end2) {
                                let tag2 = reader.tag();
                                wireType = tag2 & 7;
                                switch (tag2 >>>= 3) {
                                case 1:
                                    if (wireType !== 2)
                                        break;
                                    key = reader.stringVerify();
                                    continue;
                                case 2:
                                    if (wireType !== 2)
                                        break;
                                    value = reader.stringVerify();
                                    continue;
                                }
                                reader.skipType(wireType, _depth, tag2);
                            }
                            if (reader.pos !== end2)
                                throw $RangeError("index out of range");
                            reader.len = end;
                            if (key === "__proto__")
                                $util.makeProp(message.attributes, key);
                            message.attributes[key] = value;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            /**
             * Action enum.
             * @name sworn.v1.Recorder.Action
             * @enum {number}
             * @property {number} ACTION_UNSPECIFIED=0 ACTION_UNSPECIFIED value
             * @property {number} ACTION_STARTED=1 ACTION_STARTED value
             * @property {number} ACTION_STOPPED=2 ACTION_STOPPED value
             * @property {number} ACTION_HEARTBEAT=3 ACTION_HEARTBEAT value
             * @property {number} ACTION_CLOCK_JUMPED=4 ACTION_CLOCK_JUMPED value
             * @property {number} ACTION_SUSPENDED=5 ACTION_SUSPENDED value
             */
            Recorder.Action = (function() {
                const valuesById = $Object.create(null), values = $Object.create(valuesById);
                values[valuesById[0] = "ACTION_UNSPECIFIED"] = 0;
                values[valuesById[1] = "ACTION_STARTED"] = 1;
                values[valuesById[2] = "ACTION_STOPPED"] = 2;
                values[valuesById[3] = "ACTION_HEARTBEAT"] = 3;
                values[valuesById[4] = "ACTION_CLOCK_JUMPED"] = 4;
                values[valuesById[5] = "ACTION_SUSPENDED"] = 5;
                return values;
            })();

            return Recorder;
        })();

        v1.Alert = (function() {

            /**
             * Properties of an Alert.
             * @typedef {Object} sworn.v1.Alert.$Properties
             * @property {string|null} [alertId] Alert alertId
             * @property {string|null} [ruleId] Alert ruleId
             * @property {string|null} [ruleTitle] Alert ruleTitle
             * @property {string|null} [level] Alert level
             * @property {string|null} [matchedAgentId] Alert matchedAgentId
             * @property {number|Long|null} [matchedSeq] Alert matchedSeq
             * @property {string|null} [summary] Alert summary
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */

            /**
             * Properties of an Alert.
             * @memberof sworn.v1
             * @interface IAlert
             * @augments sworn.v1.Alert.$Properties
             * @deprecated Use sworn.v1.Alert.$Properties instead.
             */

            /**
             * Shape of an Alert.
             * @typedef {sworn.v1.Alert.$Properties} sworn.v1.Alert.$Shape
             */

            /**
             * Constructs a new Alert.
             * @memberof sworn.v1
             * @classdesc Represents an Alert.
             * @constructor
             * @param {sworn.v1.Alert.$Properties=} [properties] Properties to set
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */
            const Alert = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            /**
             * Alert alertId.
             * @member {string} alertId
             * @memberof sworn.v1.Alert
             * @instance
             */
            Alert.prototype.alertId = "";

            /**
             * Alert ruleId.
             * @member {string} ruleId
             * @memberof sworn.v1.Alert
             * @instance
             */
            Alert.prototype.ruleId = "";

            /**
             * Alert ruleTitle.
             * @member {string} ruleTitle
             * @memberof sworn.v1.Alert
             * @instance
             */
            Alert.prototype.ruleTitle = "";

            /**
             * Alert level.
             * @member {string} level
             * @memberof sworn.v1.Alert
             * @instance
             */
            Alert.prototype.level = "";

            /**
             * Alert matchedAgentId.
             * @member {string} matchedAgentId
             * @memberof sworn.v1.Alert
             * @instance
             */
            Alert.prototype.matchedAgentId = "";

            /**
             * Alert matchedSeq.
             * @member {number|Long} matchedSeq
             * @memberof sworn.v1.Alert
             * @instance
             */
            Alert.prototype.matchedSeq = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

            /**
             * Alert summary.
             * @member {string} summary
             * @memberof sworn.v1.Alert
             * @instance
             */
            Alert.prototype.summary = "";

            /**
             * Encodes the specified Alert message. Does not implicitly {@link sworn.v1.Alert.verify|verify} messages.
             * @function encode
             * @memberof sworn.v1.Alert
             * @static
             * @param {sworn.v1.Alert.$Properties} message Alert message or plain object to encode
             * @param {$protobuf.Writer} [writer] Writer to encode to
             * @returns {$protobuf.Writer} Writer
             */
            Alert.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.alertId != null && $Object.hasOwnProperty.call(message, "alertId") && message.alertId !== "")
                    writer.uint32(/* id 1, wireType 2 =*/10).string(message.alertId);
                if (message.ruleId != null && $Object.hasOwnProperty.call(message, "ruleId") && message.ruleId !== "")
                    writer.uint32(/* id 2, wireType 2 =*/18).string(message.ruleId);
                if (message.ruleTitle != null && $Object.hasOwnProperty.call(message, "ruleTitle") && message.ruleTitle !== "")
                    writer.uint32(/* id 3, wireType 2 =*/26).string(message.ruleTitle);
                if (message.level != null && $Object.hasOwnProperty.call(message, "level") && message.level !== "")
                    writer.uint32(/* id 4, wireType 2 =*/34).string(message.level);
                if (message.matchedAgentId != null && $Object.hasOwnProperty.call(message, "matchedAgentId") && message.matchedAgentId !== "")
                    writer.uint32(/* id 5, wireType 2 =*/42).string(message.matchedAgentId);
                if (message.matchedSeq != null && $Object.hasOwnProperty.call(message, "matchedSeq") && (typeof message.matchedSeq === "object" ? message.matchedSeq.low || message.matchedSeq.high : message.matchedSeq !== 0))
                    writer.uint32(/* id 6, wireType 0 =*/48).uint64(message.matchedSeq);
                if (message.summary != null && $Object.hasOwnProperty.call(message, "summary") && message.summary !== "")
                    writer.uint32(/* id 7, wireType 2 =*/58).string(message.summary);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            /**
             * Decodes an Alert message from the specified reader or buffer.
             * @function decode
             * @memberof sworn.v1.Alert
             * @static
             * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
             * @param {number} [length] Message length if known beforehand
             * @returns {sworn.v1.Alert & sworn.v1.Alert.$Shape} Alert
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            Alert.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.sworn.v1.Alert();
                while (reader.pos < end) {
                    let start = reader.pos;
                    let tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    let wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.alertId = value;
                            else
                                delete message.alertId;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.ruleId = value;
                            else
                                delete message.ruleId;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.ruleTitle = value;
                            else
                                delete message.ruleTitle;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.level = value;
                            else
                                delete message.level;
                            continue;
                        }
                    case 5: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.matchedAgentId = value;
                            else
                                delete message.matchedAgentId;
                            continue;
                        }
                    case 6: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.matchedSeq = value;
                            else
                                delete message.matchedSeq;
                            continue;
                        }
                    case 7: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.summary = value;
                            else
                                delete message.summary;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return Alert;
        })();

        v1.Finding = (function() {

            /**
             * Properties of a Finding.
             * @typedef {Object} sworn.v1.Finding.$Properties
             * @property {string|null} [kind] Finding kind
             * @property {string|null} [subject] Finding subject
             * @property {string|null} [message] Finding message
             * @property {number|Long|null} [events] Finding events
             * @property {number|Long|null} [bytes] Finding bytes
             * @property {Object.<string,string>|null} [attributes] Finding attributes
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */

            /**
             * Properties of a Finding.
             * @memberof sworn.v1
             * @interface IFinding
             * @augments sworn.v1.Finding.$Properties
             * @deprecated Use sworn.v1.Finding.$Properties instead.
             */

            /**
             * Shape of a Finding.
             * @typedef {sworn.v1.Finding.$Properties} sworn.v1.Finding.$Shape
             */

            /**
             * Constructs a new Finding.
             * @memberof sworn.v1
             * @classdesc Represents a Finding.
             * @constructor
             * @param {sworn.v1.Finding.$Properties=} [properties] Properties to set
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */
            const Finding = function (properties) {
                this.attributes = {};
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            /**
             * Finding kind.
             * @member {string} kind
             * @memberof sworn.v1.Finding
             * @instance
             */
            Finding.prototype.kind = "";

            /**
             * Finding subject.
             * @member {string} subject
             * @memberof sworn.v1.Finding
             * @instance
             */
            Finding.prototype.subject = "";

            /**
             * Finding message.
             * @member {string} message
             * @memberof sworn.v1.Finding
             * @instance
             */
            Finding.prototype.message = "";

            /**
             * Finding events.
             * @member {number|Long} events
             * @memberof sworn.v1.Finding
             * @instance
             */
            Finding.prototype.events = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

            /**
             * Finding bytes.
             * @member {number|Long} bytes
             * @memberof sworn.v1.Finding
             * @instance
             */
            Finding.prototype.bytes = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

            /**
             * Finding attributes.
             * @member {Object.<string,string>} attributes
             * @memberof sworn.v1.Finding
             * @instance
             */
            Finding.prototype.attributes = $util.emptyObject;

            /**
             * Encodes the specified Finding message. Does not implicitly {@link sworn.v1.Finding.verify|verify} messages.
             * @function encode
             * @memberof sworn.v1.Finding
             * @static
             * @param {sworn.v1.Finding.$Properties} message Finding message or plain object to encode
             * @param {$protobuf.Writer} [writer] Writer to encode to
             * @returns {$protobuf.Writer} Writer
             */
            Finding.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.kind != null && $Object.hasOwnProperty.call(message, "kind") && message.kind !== "")
                    writer.uint32(/* id 1, wireType 2 =*/10).string(message.kind);
                if (message.subject != null && $Object.hasOwnProperty.call(message, "subject") && message.subject !== "")
                    writer.uint32(/* id 2, wireType 2 =*/18).string(message.subject);
                if (message.message != null && $Object.hasOwnProperty.call(message, "message") && message.message !== "")
                    writer.uint32(/* id 3, wireType 2 =*/26).string(message.message);
                if (message.events != null && $Object.hasOwnProperty.call(message, "events") && (typeof message.events === "object" ? message.events.low || message.events.high : message.events !== 0))
                    writer.uint32(/* id 4, wireType 0 =*/32).uint64(message.events);
                if (message.bytes != null && $Object.hasOwnProperty.call(message, "bytes") && (typeof message.bytes === "object" ? message.bytes.low || message.bytes.high : message.bytes !== 0))
                    writer.uint32(/* id 5, wireType 0 =*/40).uint64(message.bytes);
                if (message.attributes != null && $Object.hasOwnProperty.call(message, "attributes"))
                    for (let keys = $Object.keys(message.attributes), i = 0; i < keys.length; ++i)
                        writer.uint32(/* id 6, wireType 2 =*/50).fork().uint32(/* id 1, wireType 2 =*/10).string(keys[i]).uint32(/* id 2, wireType 2 =*/18).string(message.attributes[keys[i]]).ldelim();
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            /**
             * Decodes a Finding message from the specified reader or buffer.
             * @function decode
             * @memberof sworn.v1.Finding
             * @static
             * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
             * @param {number} [length] Message length if known beforehand
             * @returns {sworn.v1.Finding & sworn.v1.Finding.$Shape} Finding
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            Finding.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message, key, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.sworn.v1.Finding();
                while (reader.pos < end) {
                    let start = reader.pos;
                    let tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    let wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.kind = value;
                            else
                                delete message.kind;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.subject = value;
                            else
                                delete message.subject;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.message = value;
                            else
                                delete message.message;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.events = value;
                            else
                                delete message.events;
                            continue;
                        }
                    case 5: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.bytes = value;
                            else
                                delete message.bytes;
                            continue;
                        }
                    case 6: {
                            if (wireType !== 2)
                                break;
                            if (message.attributes === $util.emptyObject)
                                message.attributes = {};
                            let end2 = reader.size() + reader.pos;
                            if (end2 > reader.len)
                                throw $RangeError("index out of range");
                            reader.len = end2;
                            key = "";
                            value = "";
                            while (reader.pos < end2) {
                                let tag2 = reader.tag();
                                wireType = tag2 & 7;
                                switch (tag2 >>>= 3) {
                                case 1:
                                    if (wireType !== 2)
                                        break;
                                    key = reader.stringVerify();
                                    continue;
                                case 2:
                                    if (wireType !== 2)
                                        break;
                                    value = reader.stringVerify();
                                    continue;
                                }
                                reader.skipType(wireType, _depth, tag2);
                            }
                            if (reader.pos !== end2)
                                throw $RangeError("index out of range");
                            reader.len = end;
                            if (key === "__proto__")
                                $util.makeProp(message.attributes, key);
                            message.attributes[key] = value;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return Finding;
        })();

        v1.Erasure = (function() {

            /**
             * Properties of an Erasure.
             * @typedef {Object} sworn.v1.Erasure.$Properties
             * @property {sworn.v1.Erasure.Action|null} [action] Erasure action
             * @property {string|null} [identity] Erasure identity
             * @property {string|null} [predicate] Erasure predicate
             * @property {string|null} [reason] Erasure reason
             * @property {string|null} [requestedBy] Erasure requestedBy
             * @property {number|Long|null} [activities] Erasure activities
             * @property {Object.<string,string>|null} [agents] Erasure agents
             * @property {Uint8Array|null} [digest] Erasure digest
             * @property {number|Long|null} [tombstoneSeq] Erasure tombstoneSeq
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */

            /**
             * Properties of an Erasure.
             * @memberof sworn.v1
             * @interface IErasure
             * @augments sworn.v1.Erasure.$Properties
             * @deprecated Use sworn.v1.Erasure.$Properties instead.
             */

            /**
             * Shape of an Erasure.
             * @typedef {sworn.v1.Erasure.$Properties} sworn.v1.Erasure.$Shape
             */

            /**
             * Constructs a new Erasure.
             * @memberof sworn.v1
             * @classdesc Represents an Erasure.
             * @constructor
             * @param {sworn.v1.Erasure.$Properties=} [properties] Properties to set
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */
            const Erasure = function (properties) {
                this.agents = {};
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            /**
             * Erasure action.
             * @member {sworn.v1.Erasure.Action} action
             * @memberof sworn.v1.Erasure
             * @instance
             */
            Erasure.prototype.action = 0;

            /**
             * Erasure identity.
             * @member {string} identity
             * @memberof sworn.v1.Erasure
             * @instance
             */
            Erasure.prototype.identity = "";

            /**
             * Erasure predicate.
             * @member {string} predicate
             * @memberof sworn.v1.Erasure
             * @instance
             */
            Erasure.prototype.predicate = "";

            /**
             * Erasure reason.
             * @member {string} reason
             * @memberof sworn.v1.Erasure
             * @instance
             */
            Erasure.prototype.reason = "";

            /**
             * Erasure requestedBy.
             * @member {string} requestedBy
             * @memberof sworn.v1.Erasure
             * @instance
             */
            Erasure.prototype.requestedBy = "";

            /**
             * Erasure activities.
             * @member {number|Long} activities
             * @memberof sworn.v1.Erasure
             * @instance
             */
            Erasure.prototype.activities = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

            /**
             * Erasure agents.
             * @member {Object.<string,string>} agents
             * @memberof sworn.v1.Erasure
             * @instance
             */
            Erasure.prototype.agents = $util.emptyObject;

            /**
             * Erasure digest.
             * @member {Uint8Array} digest
             * @memberof sworn.v1.Erasure
             * @instance
             */
            Erasure.prototype.digest = $util.newBuffer([]);

            /**
             * Erasure tombstoneSeq.
             * @member {number|Long} tombstoneSeq
             * @memberof sworn.v1.Erasure
             * @instance
             */
            Erasure.prototype.tombstoneSeq = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

            /**
             * Encodes the specified Erasure message. Does not implicitly {@link sworn.v1.Erasure.verify|verify} messages.
             * @function encode
             * @memberof sworn.v1.Erasure
             * @static
             * @param {sworn.v1.Erasure.$Properties} message Erasure message or plain object to encode
             * @param {$protobuf.Writer} [writer] Writer to encode to
             * @returns {$protobuf.Writer} Writer
             */
            Erasure.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.action != null && $Object.hasOwnProperty.call(message, "action") && message.action !== 0)
                    writer.uint32(/* id 1, wireType 0 =*/8).int32(message.action);
                if (message.identity != null && $Object.hasOwnProperty.call(message, "identity") && message.identity !== "")
                    writer.uint32(/* id 2, wireType 2 =*/18).string(message.identity);
                if (message.predicate != null && $Object.hasOwnProperty.call(message, "predicate") && message.predicate !== "")
                    writer.uint32(/* id 3, wireType 2 =*/26).string(message.predicate);
                if (message.reason != null && $Object.hasOwnProperty.call(message, "reason") && message.reason !== "")
                    writer.uint32(/* id 4, wireType 2 =*/34).string(message.reason);
                if (message.requestedBy != null && $Object.hasOwnProperty.call(message, "requestedBy") && message.requestedBy !== "")
                    writer.uint32(/* id 5, wireType 2 =*/42).string(message.requestedBy);
                if (message.activities != null && $Object.hasOwnProperty.call(message, "activities") && (typeof message.activities === "object" ? message.activities.low || message.activities.high : message.activities !== 0))
                    writer.uint32(/* id 6, wireType 0 =*/48).uint64(message.activities);
                if (message.agents != null && $Object.hasOwnProperty.call(message, "agents"))
                    for (let keys = $Object.keys(message.agents), i = 0; i < keys.length; ++i)
                        writer.uint32(/* id 7, wireType 2 =*/58).fork().uint32(/* id 1, wireType 2 =*/10).string(keys[i]).uint32(/* id 2, wireType 2 =*/18).string(message.agents[keys[i]]).ldelim();
                if (message.digest != null && $Object.hasOwnProperty.call(message, "digest") && message.digest.length)
                    writer.uint32(/* id 8, wireType 2 =*/66).bytes(message.digest);
                if (message.tombstoneSeq != null && $Object.hasOwnProperty.call(message, "tombstoneSeq") && (typeof message.tombstoneSeq === "object" ? message.tombstoneSeq.low || message.tombstoneSeq.high : message.tombstoneSeq !== 0))
                    writer.uint32(/* id 9, wireType 0 =*/72).uint64(message.tombstoneSeq);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            /**
             * Decodes an Erasure message from the specified reader or buffer.
             * @function decode
             * @memberof sworn.v1.Erasure
             * @static
             * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
             * @param {number} [length] Message length if known beforehand
             * @returns {sworn.v1.Erasure & sworn.v1.Erasure.$Shape} Erasure
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            Erasure.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message, key, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.sworn.v1.Erasure();
                while (reader.pos < end) {
                    let start = reader.pos;
                    let tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    let wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.action = value;
                            else
                                delete message.action;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.identity = value;
                            else
                                delete message.identity;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.predicate = value;
                            else
                                delete message.predicate;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.reason = value;
                            else
                                delete message.reason;
                            continue;
                        }
                    case 5: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.requestedBy = value;
                            else
                                delete message.requestedBy;
                            continue;
                        }
                    case 6: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.activities = value;
                            else
                                delete message.activities;
                            continue;
                        }
                    case 7: {
                            if (wireType !== 2)
                                break;
                            if (message.agents === $util.emptyObject)
                                message.agents = {};
                            let end2 = reader.size() + reader.pos;
                            if (end2 > reader.len)
                                throw $RangeError("index out of range");
                            reader.len = end2;
                            key = "";
                            value = "";
                            while (reader.pos < end2) {
                                let tag2 = reader.tag();
                                wireType = tag2 & 7;
                                switch (tag2 >>>= 3) {
                                case 1:
                                    if (wireType !== 2)
                                        break;
                                    key = reader.stringVerify();
                                    continue;
                                case 2:
                                    if (wireType !== 2)
                                        break;
                                    value = reader.stringVerify();
                                    continue;
                                }
                                reader.skipType(wireType, _depth, tag2);
                            }
                            if (reader.pos !== end2)
                                throw $RangeError("index out of range");
                            reader.len = end;
                            if (key === "__proto__")
                                $util.makeProp(message.agents, key);
                            message.agents[key] = value;
                            continue;
                        }
                    case 8: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.bytes()).length)
                                message.digest = value;
                            else
                                delete message.digest;
                            continue;
                        }
                    case 9: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.tombstoneSeq = value;
                            else
                                delete message.tombstoneSeq;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            /**
             * Action enum.
             * @name sworn.v1.Erasure.Action
             * @enum {number}
             * @property {number} ACTION_UNSPECIFIED=0 ACTION_UNSPECIFIED value
             * @property {number} ACTION_PAYLOAD_ERASED=1 ACTION_PAYLOAD_ERASED value
             * @property {number} ACTION_ROWS_DROPPED=2 ACTION_ROWS_DROPPED value
             * @property {number} ACTION_COMPLETED=3 ACTION_COMPLETED value
             */
            Erasure.Action = (function() {
                const valuesById = $Object.create(null), values = $Object.create(valuesById);
                values[valuesById[0] = "ACTION_UNSPECIFIED"] = 0;
                values[valuesById[1] = "ACTION_PAYLOAD_ERASED"] = 1;
                values[valuesById[2] = "ACTION_ROWS_DROPPED"] = 2;
                values[valuesById[3] = "ACTION_COMPLETED"] = 3;
                return values;
            })();

            return Erasure;
        })();

        v1.Terminal = (function() {

            /**
             * Properties of a Terminal.
             * @typedef {Object} sworn.v1.Terminal.$Properties
             * @property {string|null} [terminalId] Terminal terminalId
             * @property {string|null} [kind] Terminal kind
             * @property {string|null} [name] Terminal name
             * @property {Uint8Array|null} [input] Terminal input
             * @property {Uint8Array|null} [output] Terminal output
             * @property {string|null} [timing] Terminal timing
             * @property {number|null} [columns] Terminal columns
             * @property {number|null} [rows] Terminal rows
             * @property {number|Long|null} [inputBytes] Terminal inputBytes
             * @property {number|Long|null} [outputBytes] Terminal outputBytes
             * @property {number|Long|null} [cutBytes] Terminal cutBytes
             * @property {number|Long|null} [hiddenBytes] Terminal hiddenBytes
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */

            /**
             * Properties of a Terminal.
             * @memberof sworn.v1
             * @interface ITerminal
             * @augments sworn.v1.Terminal.$Properties
             * @deprecated Use sworn.v1.Terminal.$Properties instead.
             */

            /**
             * Shape of a Terminal.
             * @typedef {sworn.v1.Terminal.$Properties} sworn.v1.Terminal.$Shape
             */

            /**
             * Constructs a new Terminal.
             * @memberof sworn.v1
             * @classdesc Represents a Terminal.
             * @constructor
             * @param {sworn.v1.Terminal.$Properties=} [properties] Properties to set
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */
            const Terminal = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            /**
             * Terminal terminalId.
             * @member {string} terminalId
             * @memberof sworn.v1.Terminal
             * @instance
             */
            Terminal.prototype.terminalId = "";

            /**
             * Terminal kind.
             * @member {string} kind
             * @memberof sworn.v1.Terminal
             * @instance
             */
            Terminal.prototype.kind = "";

            /**
             * Terminal name.
             * @member {string} name
             * @memberof sworn.v1.Terminal
             * @instance
             */
            Terminal.prototype.name = "";

            /**
             * Terminal input.
             * @member {Uint8Array} input
             * @memberof sworn.v1.Terminal
             * @instance
             */
            Terminal.prototype.input = $util.newBuffer([]);

            /**
             * Terminal output.
             * @member {Uint8Array} output
             * @memberof sworn.v1.Terminal
             * @instance
             */
            Terminal.prototype.output = $util.newBuffer([]);

            /**
             * Terminal timing.
             * @member {string} timing
             * @memberof sworn.v1.Terminal
             * @instance
             */
            Terminal.prototype.timing = "";

            /**
             * Terminal columns.
             * @member {number} columns
             * @memberof sworn.v1.Terminal
             * @instance
             */
            Terminal.prototype.columns = 0;

            /**
             * Terminal rows.
             * @member {number} rows
             * @memberof sworn.v1.Terminal
             * @instance
             */
            Terminal.prototype.rows = 0;

            /**
             * Terminal inputBytes.
             * @member {number|Long} inputBytes
             * @memberof sworn.v1.Terminal
             * @instance
             */
            Terminal.prototype.inputBytes = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

            /**
             * Terminal outputBytes.
             * @member {number|Long} outputBytes
             * @memberof sworn.v1.Terminal
             * @instance
             */
            Terminal.prototype.outputBytes = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

            /**
             * Terminal cutBytes.
             * @member {number|Long} cutBytes
             * @memberof sworn.v1.Terminal
             * @instance
             */
            Terminal.prototype.cutBytes = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

            /**
             * Terminal hiddenBytes.
             * @member {number|Long} hiddenBytes
             * @memberof sworn.v1.Terminal
             * @instance
             */
            Terminal.prototype.hiddenBytes = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

            /**
             * Encodes the specified Terminal message. Does not implicitly {@link sworn.v1.Terminal.verify|verify} messages.
             * @function encode
             * @memberof sworn.v1.Terminal
             * @static
             * @param {sworn.v1.Terminal.$Properties} message Terminal message or plain object to encode
             * @param {$protobuf.Writer} [writer] Writer to encode to
             * @returns {$protobuf.Writer} Writer
             */
            Terminal.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.terminalId != null && $Object.hasOwnProperty.call(message, "terminalId") && message.terminalId !== "")
                    writer.uint32(/* id 1, wireType 2 =*/10).string(message.terminalId);
                if (message.kind != null && $Object.hasOwnProperty.call(message, "kind") && message.kind !== "")
                    writer.uint32(/* id 2, wireType 2 =*/18).string(message.kind);
                if (message.name != null && $Object.hasOwnProperty.call(message, "name") && message.name !== "")
                    writer.uint32(/* id 3, wireType 2 =*/26).string(message.name);
                if (message.input != null && $Object.hasOwnProperty.call(message, "input") && message.input.length)
                    writer.uint32(/* id 4, wireType 2 =*/34).bytes(message.input);
                if (message.output != null && $Object.hasOwnProperty.call(message, "output") && message.output.length)
                    writer.uint32(/* id 5, wireType 2 =*/42).bytes(message.output);
                if (message.timing != null && $Object.hasOwnProperty.call(message, "timing") && message.timing !== "")
                    writer.uint32(/* id 6, wireType 2 =*/50).string(message.timing);
                if (message.columns != null && $Object.hasOwnProperty.call(message, "columns") && message.columns !== 0)
                    writer.uint32(/* id 7, wireType 0 =*/56).uint32(message.columns);
                if (message.rows != null && $Object.hasOwnProperty.call(message, "rows") && message.rows !== 0)
                    writer.uint32(/* id 8, wireType 0 =*/64).uint32(message.rows);
                if (message.inputBytes != null && $Object.hasOwnProperty.call(message, "inputBytes") && (typeof message.inputBytes === "object" ? message.inputBytes.low || message.inputBytes.high : message.inputBytes !== 0))
                    writer.uint32(/* id 9, wireType 0 =*/72).uint64(message.inputBytes);
                if (message.outputBytes != null && $Object.hasOwnProperty.call(message, "outputBytes") && (typeof message.outputBytes === "object" ? message.outputBytes.low || message.outputBytes.high : message.outputBytes !== 0))
                    writer.uint32(/* id 10, wireType 0 =*/80).uint64(message.outputBytes);
                if (message.cutBytes != null && $Object.hasOwnProperty.call(message, "cutBytes") && (typeof message.cutBytes === "object" ? message.cutBytes.low || message.cutBytes.high : message.cutBytes !== 0))
                    writer.uint32(/* id 11, wireType 0 =*/88).uint64(message.cutBytes);
                if (message.hiddenBytes != null && $Object.hasOwnProperty.call(message, "hiddenBytes") && (typeof message.hiddenBytes === "object" ? message.hiddenBytes.low || message.hiddenBytes.high : message.hiddenBytes !== 0))
                    writer.uint32(/* id 12, wireType 0 =*/96).uint64(message.hiddenBytes);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            /**
             * Decodes a Terminal message from the specified reader or buffer.
             * @function decode
             * @memberof sworn.v1.Terminal
             * @static
             * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
             * @param {number} [length] Message length if known beforehand
             * @returns {sworn.v1.Terminal & sworn.v1.Terminal.$Shape} Terminal
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            Terminal.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.sworn.v1.Terminal();
                while (reader.pos < end) {
                    let start = reader.pos;
                    let tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    let wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.terminalId = value;
                            else
                                delete message.terminalId;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.kind = value;
                            else
                                delete message.kind;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.name = value;
                            else
                                delete message.name;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.bytes()).length)
                                message.input = value;
                            else
                                delete message.input;
                            continue;
                        }
                    case 5: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.bytes()).length)
                                message.output = value;
                            else
                                delete message.output;
                            continue;
                        }
                    case 6: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.timing = value;
                            else
                                delete message.timing;
                            continue;
                        }
                    case 7: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.columns = value;
                            else
                                delete message.columns;
                            continue;
                        }
                    case 8: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.rows = value;
                            else
                                delete message.rows;
                            continue;
                        }
                    case 9: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.inputBytes = value;
                            else
                                delete message.inputBytes;
                            continue;
                        }
                    case 10: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.outputBytes = value;
                            else
                                delete message.outputBytes;
                            continue;
                        }
                    case 11: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.cutBytes = value;
                            else
                                delete message.cutBytes;
                            continue;
                        }
                    case 12: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.hiddenBytes = value;
                            else
                                delete message.hiddenBytes;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return Terminal;
        })();

        v1.Delivery = (function() {

            /**
             * Properties of a Delivery.
             * @typedef {Object} sworn.v1.Delivery.$Properties
             * @property {sworn.v1.Hello.$Properties|null} [hello] Delivery hello
             * @property {sworn.v1.Batch.$Properties|null} [batch] Delivery batch
             * @property {sworn.v1.Checkpoint.$Properties|null} [checkpoint] Delivery checkpoint
             * @property {"hello"|"batch"|"checkpoint"} [message] Delivery message
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */

            /**
             * Properties of a Delivery.
             * @memberof sworn.v1
             * @interface IDelivery
             * @augments sworn.v1.Delivery.$Properties
             * @deprecated Use sworn.v1.Delivery.$Properties instead.
             */

            /**
             * Narrowed shape of a Delivery.
             * @typedef {{
             *   hello?: sworn.v1.Hello.$Shape|null;
             *   batch?: sworn.v1.Batch.$Shape|null;
             *   checkpoint?: sworn.v1.Checkpoint.$Shape|null;
             *   $unknowns?: Array.<Uint8Array>;
             * } & (
             *   ({ message?: undefined; hello?: null; batch?: null; checkpoint?: null }|{ message?: "hello"; hello: sworn.v1.Hello.$Shape; batch?: null; checkpoint?: null }|{ message?: "batch"; hello?: null; batch: sworn.v1.Batch.$Shape; checkpoint?: null }|{ message?: "checkpoint"; hello?: null; batch?: null; checkpoint: sworn.v1.Checkpoint.$Shape })
             * )} sworn.v1.Delivery.$Shape
             */

            /**
             * Constructs a new Delivery.
             * @memberof sworn.v1
             * @classdesc Represents a Delivery.
             * @constructor
             * @param {sworn.v1.Delivery.$Properties=} [properties] Properties to set
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */
            const Delivery = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            /**
             * Delivery hello.
             * @member {sworn.v1.Hello.$Properties|null|undefined} hello
             * @memberof sworn.v1.Delivery
             * @instance
             */
            Delivery.prototype.hello = null;

            /**
             * Delivery batch.
             * @member {sworn.v1.Batch.$Properties|null|undefined} batch
             * @memberof sworn.v1.Delivery
             * @instance
             */
            Delivery.prototype.batch = null;

            /**
             * Delivery checkpoint.
             * @member {sworn.v1.Checkpoint.$Properties|null|undefined} checkpoint
             * @memberof sworn.v1.Delivery
             * @instance
             */
            Delivery.prototype.checkpoint = null;

            // OneOf field names bound to virtual getters and setters
            let $oneOfFields;

            /**
             * Delivery message.
             * @member {"hello"|"batch"|"checkpoint"|undefined} message
             * @memberof sworn.v1.Delivery
             * @instance
             */
            $Object.defineProperty(Delivery.prototype, "message", {
                get: $util.oneOfGetter($oneOfFields = ["hello", "batch", "checkpoint"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            /**
             * Encodes the specified Delivery message. Does not implicitly {@link sworn.v1.Delivery.verify|verify} messages.
             * @function encode
             * @memberof sworn.v1.Delivery
             * @static
             * @param {sworn.v1.Delivery.$Properties} message Delivery message or plain object to encode
             * @param {$protobuf.Writer} [writer] Writer to encode to
             * @returns {$protobuf.Writer} Writer
             */
            Delivery.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.hello != null && $Object.hasOwnProperty.call(message, "hello"))
                    $root.sworn.v1.Hello.encode(message.hello, writer.uint32(/* id 1, wireType 2 =*/10).fork(), _depth + 1).ldelim();
                if (message.batch != null && $Object.hasOwnProperty.call(message, "batch"))
                    $root.sworn.v1.Batch.encode(message.batch, writer.uint32(/* id 2, wireType 2 =*/18).fork(), _depth + 1).ldelim();
                if (message.checkpoint != null && $Object.hasOwnProperty.call(message, "checkpoint"))
                    $root.sworn.v1.Checkpoint.encode(message.checkpoint, writer.uint32(/* id 3, wireType 2 =*/26).fork(), _depth + 1).ldelim();
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            /**
             * Decodes a Delivery message from the specified reader or buffer.
             * @function decode
             * @memberof sworn.v1.Delivery
             * @static
             * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
             * @param {number} [length] Message length if known beforehand
             * @returns {sworn.v1.Delivery & sworn.v1.Delivery.$Shape} Delivery
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            Delivery.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.sworn.v1.Delivery();
                while (reader.pos < end) {
                    let start = reader.pos;
                    let tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    let wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            message.hello = $root.sworn.v1.Hello.decode(reader, reader.size(), $undefined, _depth + 1, message.hello);
                            message.message = "hello";
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            message.batch = $root.sworn.v1.Batch.decode(reader, reader.size(), $undefined, _depth + 1, message.batch);
                            message.message = "batch";
                            continue;
                        }
                    case 3: {
                            if (wireType !== 2)
                                break;
                            message.checkpoint = $root.sworn.v1.Checkpoint.decode(reader, reader.size(), $undefined, _depth + 1, message.checkpoint);
                            message.message = "checkpoint";
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return Delivery;
        })();

        v1.Hello = (function() {

            /**
             * Properties of a Hello.
             * @typedef {Object} sworn.v1.Hello.$Properties
             * @property {string|null} [agentId] Hello agentId
             * @property {string|null} [host] Hello host
             * @property {string|null} [version] Hello version
             * @property {string|null} [bootId] Hello bootId
             * @property {string|null} [kernel] Hello kernel
             * @property {number|Long|null} [firstSeq] Hello firstSeq
             * @property {number|Long|null} [lastSeq] Hello lastSeq
             * @property {string|null} [sealKey] Hello sealKey
             * @property {string|null} [checkpoint] Hello checkpoint
             * @property {number|Long|null} [treeSize] Hello treeSize
             * @property {Array.<Uint8Array>|null} [treeSubtrees] Hello treeSubtrees
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */

            /**
             * Properties of a Hello.
             * @memberof sworn.v1
             * @interface IHello
             * @augments sworn.v1.Hello.$Properties
             * @deprecated Use sworn.v1.Hello.$Properties instead.
             */

            /**
             * Shape of a Hello.
             * @typedef {sworn.v1.Hello.$Properties} sworn.v1.Hello.$Shape
             */

            /**
             * Constructs a new Hello.
             * @memberof sworn.v1
             * @classdesc Represents a Hello.
             * @constructor
             * @param {sworn.v1.Hello.$Properties=} [properties] Properties to set
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */
            const Hello = function (properties) {
                this.treeSubtrees = [];
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            /**
             * Hello agentId.
             * @member {string} agentId
             * @memberof sworn.v1.Hello
             * @instance
             */
            Hello.prototype.agentId = "";

            /**
             * Hello host.
             * @member {string} host
             * @memberof sworn.v1.Hello
             * @instance
             */
            Hello.prototype.host = "";

            /**
             * Hello version.
             * @member {string} version
             * @memberof sworn.v1.Hello
             * @instance
             */
            Hello.prototype.version = "";

            /**
             * Hello bootId.
             * @member {string} bootId
             * @memberof sworn.v1.Hello
             * @instance
             */
            Hello.prototype.bootId = "";

            /**
             * Hello kernel.
             * @member {string} kernel
             * @memberof sworn.v1.Hello
             * @instance
             */
            Hello.prototype.kernel = "";

            /**
             * Hello firstSeq.
             * @member {number|Long} firstSeq
             * @memberof sworn.v1.Hello
             * @instance
             */
            Hello.prototype.firstSeq = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

            /**
             * Hello lastSeq.
             * @member {number|Long} lastSeq
             * @memberof sworn.v1.Hello
             * @instance
             */
            Hello.prototype.lastSeq = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

            /**
             * Hello sealKey.
             * @member {string} sealKey
             * @memberof sworn.v1.Hello
             * @instance
             */
            Hello.prototype.sealKey = "";

            /**
             * Hello checkpoint.
             * @member {string} checkpoint
             * @memberof sworn.v1.Hello
             * @instance
             */
            Hello.prototype.checkpoint = "";

            /**
             * Hello treeSize.
             * @member {number|Long} treeSize
             * @memberof sworn.v1.Hello
             * @instance
             */
            Hello.prototype.treeSize = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

            /**
             * Hello treeSubtrees.
             * @member {Array.<Uint8Array>} treeSubtrees
             * @memberof sworn.v1.Hello
             * @instance
             */
            Hello.prototype.treeSubtrees = $util.emptyArray;

            /**
             * Encodes the specified Hello message. Does not implicitly {@link sworn.v1.Hello.verify|verify} messages.
             * @function encode
             * @memberof sworn.v1.Hello
             * @static
             * @param {sworn.v1.Hello.$Properties} message Hello message or plain object to encode
             * @param {$protobuf.Writer} [writer] Writer to encode to
             * @returns {$protobuf.Writer} Writer
             */
            Hello.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.agentId != null && $Object.hasOwnProperty.call(message, "agentId") && message.agentId !== "")
                    writer.uint32(/* id 1, wireType 2 =*/10).string(message.agentId);
                if (message.host != null && $Object.hasOwnProperty.call(message, "host") && message.host !== "")
                    writer.uint32(/* id 2, wireType 2 =*/18).string(message.host);
                if (message.version != null && $Object.hasOwnProperty.call(message, "version") && message.version !== "")
                    writer.uint32(/* id 3, wireType 2 =*/26).string(message.version);
                if (message.bootId != null && $Object.hasOwnProperty.call(message, "bootId") && message.bootId !== "")
                    writer.uint32(/* id 4, wireType 2 =*/34).string(message.bootId);
                if (message.kernel != null && $Object.hasOwnProperty.call(message, "kernel") && message.kernel !== "")
                    writer.uint32(/* id 5, wireType 2 =*/42).string(message.kernel);
                if (message.firstSeq != null && $Object.hasOwnProperty.call(message, "firstSeq") && (typeof message.firstSeq === "object" ? message.firstSeq.low || message.firstSeq.high : message.firstSeq !== 0))
                    writer.uint32(/* id 6, wireType 0 =*/48).uint64(message.firstSeq);
                if (message.lastSeq != null && $Object.hasOwnProperty.call(message, "lastSeq") && (typeof message.lastSeq === "object" ? message.lastSeq.low || message.lastSeq.high : message.lastSeq !== 0))
                    writer.uint32(/* id 7, wireType 0 =*/56).uint64(message.lastSeq);
                if (message.sealKey != null && $Object.hasOwnProperty.call(message, "sealKey") && message.sealKey !== "")
                    writer.uint32(/* id 8, wireType 2 =*/66).string(message.sealKey);
                if (message.checkpoint != null && $Object.hasOwnProperty.call(message, "checkpoint") && message.checkpoint !== "")
                    writer.uint32(/* id 9, wireType 2 =*/74).string(message.checkpoint);
                if (message.treeSize != null && $Object.hasOwnProperty.call(message, "treeSize") && (typeof message.treeSize === "object" ? message.treeSize.low || message.treeSize.high : message.treeSize !== 0))
                    writer.uint32(/* id 10, wireType 0 =*/80).uint64(message.treeSize);
                if (message.treeSubtrees != null && message.treeSubtrees.length)
                    for (let i = 0; i < message.treeSubtrees.length; ++i)
                        writer.uint32(/* id 11, wireType 2 =*/90).bytes(message.treeSubtrees[i]);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            /**
             * Decodes a Hello message from the specified reader or buffer.
             * @function decode
             * @memberof sworn.v1.Hello
             * @static
             * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
             * @param {number} [length] Message length if known beforehand
             * @returns {sworn.v1.Hello & sworn.v1.Hello.$Shape} Hello
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            Hello.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.sworn.v1.Hello();
                while (reader.pos < end) {
                    let start = reader.pos;
                    let tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    let wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.agentId = value;
                            else
                                delete message.agentId;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.host = value;
                            else
                                delete message.host;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.version = value;
                            else
                                delete message.version;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.bootId = value;
                            else
                                delete message.bootId;
                            continue;
                        }
                    case 5: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.kernel = value;
                            else
                                delete message.kernel;
                            continue;
                        }
                    case 6: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.firstSeq = value;
                            else
                                delete message.firstSeq;
                            continue;
                        }
                    case 7: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.lastSeq = value;
                            else
                                delete message.lastSeq;
                            continue;
                        }
                    case 8: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.sealKey = value;
                            else
                                delete message.sealKey;
                            continue;
                        }
                    case 9: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.checkpoint = value;
                            else
                                delete message.checkpoint;
                            continue;
                        }
                    case 10: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.treeSize = value;
                            else
                                delete message.treeSize;
                            continue;
                        }
                    case 11: {
                            if (wireType !== 2)
                                break;
                            if (!(message.treeSubtrees && message.treeSubtrees.length))
                                message.treeSubtrees = [];
                            message.treeSubtrees.push(reader.bytes());
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return Hello;
        })();

        v1.Checkpoint = (function() {

            /**
             * Properties of a Checkpoint.
             * @typedef {Object} sworn.v1.Checkpoint.$Properties
             * @property {string|null} [note] Checkpoint note
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */

            /**
             * Properties of a Checkpoint.
             * @memberof sworn.v1
             * @interface ICheckpoint
             * @augments sworn.v1.Checkpoint.$Properties
             * @deprecated Use sworn.v1.Checkpoint.$Properties instead.
             */

            /**
             * Shape of a Checkpoint.
             * @typedef {sworn.v1.Checkpoint.$Properties} sworn.v1.Checkpoint.$Shape
             */

            /**
             * Constructs a new Checkpoint.
             * @memberof sworn.v1
             * @classdesc Represents a Checkpoint.
             * @constructor
             * @param {sworn.v1.Checkpoint.$Properties=} [properties] Properties to set
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */
            const Checkpoint = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            /**
             * Checkpoint note.
             * @member {string} note
             * @memberof sworn.v1.Checkpoint
             * @instance
             */
            Checkpoint.prototype.note = "";

            /**
             * Encodes the specified Checkpoint message. Does not implicitly {@link sworn.v1.Checkpoint.verify|verify} messages.
             * @function encode
             * @memberof sworn.v1.Checkpoint
             * @static
             * @param {sworn.v1.Checkpoint.$Properties} message Checkpoint message or plain object to encode
             * @param {$protobuf.Writer} [writer] Writer to encode to
             * @returns {$protobuf.Writer} Writer
             */
            Checkpoint.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.note != null && $Object.hasOwnProperty.call(message, "note") && message.note !== "")
                    writer.uint32(/* id 1, wireType 2 =*/10).string(message.note);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            /**
             * Decodes a Checkpoint message from the specified reader or buffer.
             * @function decode
             * @memberof sworn.v1.Checkpoint
             * @static
             * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
             * @param {number} [length] Message length if known beforehand
             * @returns {sworn.v1.Checkpoint & sworn.v1.Checkpoint.$Shape} Checkpoint
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            Checkpoint.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.sworn.v1.Checkpoint();
                while (reader.pos < end) {
                    let start = reader.pos;
                    let tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    let wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.note = value;
                            else
                                delete message.note;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return Checkpoint;
        })();

        v1.Batch = (function() {

            /**
             * Properties of a Batch.
             * @typedef {Object} sworn.v1.Batch.$Properties
             * @property {number|Long|null} [firstSeq] Batch firstSeq
             * @property {number|null} [count] Batch count
             * @property {Uint8Array|null} [activitiesZstd] Batch activitiesZstd
             * @property {number|null} [uncompressedBytes] Batch uncompressedBytes
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */

            /**
             * Properties of a Batch.
             * @memberof sworn.v1
             * @interface IBatch
             * @augments sworn.v1.Batch.$Properties
             * @deprecated Use sworn.v1.Batch.$Properties instead.
             */

            /**
             * Shape of a Batch.
             * @typedef {sworn.v1.Batch.$Properties} sworn.v1.Batch.$Shape
             */

            /**
             * Constructs a new Batch.
             * @memberof sworn.v1
             * @classdesc Represents a Batch.
             * @constructor
             * @param {sworn.v1.Batch.$Properties=} [properties] Properties to set
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */
            const Batch = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            /**
             * Batch firstSeq.
             * @member {number|Long} firstSeq
             * @memberof sworn.v1.Batch
             * @instance
             */
            Batch.prototype.firstSeq = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

            /**
             * Batch count.
             * @member {number} count
             * @memberof sworn.v1.Batch
             * @instance
             */
            Batch.prototype.count = 0;

            /**
             * Batch activitiesZstd.
             * @member {Uint8Array} activitiesZstd
             * @memberof sworn.v1.Batch
             * @instance
             */
            Batch.prototype.activitiesZstd = $util.newBuffer([]);

            /**
             * Batch uncompressedBytes.
             * @member {number} uncompressedBytes
             * @memberof sworn.v1.Batch
             * @instance
             */
            Batch.prototype.uncompressedBytes = 0;

            /**
             * Encodes the specified Batch message. Does not implicitly {@link sworn.v1.Batch.verify|verify} messages.
             * @function encode
             * @memberof sworn.v1.Batch
             * @static
             * @param {sworn.v1.Batch.$Properties} message Batch message or plain object to encode
             * @param {$protobuf.Writer} [writer] Writer to encode to
             * @returns {$protobuf.Writer} Writer
             */
            Batch.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.firstSeq != null && $Object.hasOwnProperty.call(message, "firstSeq") && (typeof message.firstSeq === "object" ? message.firstSeq.low || message.firstSeq.high : message.firstSeq !== 0))
                    writer.uint32(/* id 1, wireType 0 =*/8).uint64(message.firstSeq);
                if (message.count != null && $Object.hasOwnProperty.call(message, "count") && message.count !== 0)
                    writer.uint32(/* id 2, wireType 0 =*/16).uint32(message.count);
                if (message.activitiesZstd != null && $Object.hasOwnProperty.call(message, "activitiesZstd") && message.activitiesZstd.length)
                    writer.uint32(/* id 3, wireType 2 =*/26).bytes(message.activitiesZstd);
                if (message.uncompressedBytes != null && $Object.hasOwnProperty.call(message, "uncompressedBytes") && message.uncompressedBytes !== 0)
                    writer.uint32(/* id 4, wireType 0 =*/32).uint32(message.uncompressedBytes);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            /**
             * Decodes a Batch message from the specified reader or buffer.
             * @function decode
             * @memberof sworn.v1.Batch
             * @static
             * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
             * @param {number} [length] Message length if known beforehand
             * @returns {sworn.v1.Batch & sworn.v1.Batch.$Shape} Batch
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            Batch.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.sworn.v1.Batch();
                while (reader.pos < end) {
                    let start = reader.pos;
                    let tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    let wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.firstSeq = value;
                            else
                                delete message.firstSeq;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.count = value;
                            else
                                delete message.count;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.bytes()).length)
                                message.activitiesZstd = value;
                            else
                                delete message.activitiesZstd;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.uncompressedBytes = value;
                            else
                                delete message.uncompressedBytes;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return Batch;
        })();

        v1.Receipt = (function() {

            /**
             * Properties of a Receipt.
             * @typedef {Object} sworn.v1.Receipt.$Properties
             * @property {sworn.v1.Welcome.$Properties|null} [welcome] Receipt welcome
             * @property {sworn.v1.Stored.$Properties|null} [stored] Receipt stored
             * @property {sworn.v1.Refused.$Properties|null} [refused] Receipt refused
             * @property {sworn.v1.Cosigned.$Properties|null} [cosigned] Receipt cosigned
             * @property {"welcome"|"stored"|"refused"|"cosigned"} [message] Receipt message
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */

            /**
             * Properties of a Receipt.
             * @memberof sworn.v1
             * @interface IReceipt
             * @augments sworn.v1.Receipt.$Properties
             * @deprecated Use sworn.v1.Receipt.$Properties instead.
             */

            /**
             * Narrowed shape of a Receipt.
             * @typedef {{
             *   welcome?: sworn.v1.Welcome.$Shape|null;
             *   stored?: sworn.v1.Stored.$Shape|null;
             *   refused?: sworn.v1.Refused.$Shape|null;
             *   cosigned?: sworn.v1.Cosigned.$Shape|null;
             *   $unknowns?: Array.<Uint8Array>;
             * } & (
             *   ({ message?: undefined; welcome?: null; stored?: null; refused?: null; cosigned?: null }|{ message?: "welcome"; welcome: sworn.v1.Welcome.$Shape; stored?: null; refused?: null; cosigned?: null }|{ message?: "stored"; welcome?: null; stored: sworn.v1.Stored.$Shape; refused?: null; cosigned?: null }|{ message?: "refused"; welcome?: null; stored?: null; refused: sworn.v1.Refused.$Shape; cosigned?: null }|{ message?: "cosigned"; welcome?: null; stored?: null; refused?: null; cosigned: sworn.v1.Cosigned.$Shape })
             * )} sworn.v1.Receipt.$Shape
             */

            /**
             * Constructs a new Receipt.
             * @memberof sworn.v1
             * @classdesc Represents a Receipt.
             * @constructor
             * @param {sworn.v1.Receipt.$Properties=} [properties] Properties to set
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */
            const Receipt = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            /**
             * Receipt welcome.
             * @member {sworn.v1.Welcome.$Properties|null|undefined} welcome
             * @memberof sworn.v1.Receipt
             * @instance
             */
            Receipt.prototype.welcome = null;

            /**
             * Receipt stored.
             * @member {sworn.v1.Stored.$Properties|null|undefined} stored
             * @memberof sworn.v1.Receipt
             * @instance
             */
            Receipt.prototype.stored = null;

            /**
             * Receipt refused.
             * @member {sworn.v1.Refused.$Properties|null|undefined} refused
             * @memberof sworn.v1.Receipt
             * @instance
             */
            Receipt.prototype.refused = null;

            /**
             * Receipt cosigned.
             * @member {sworn.v1.Cosigned.$Properties|null|undefined} cosigned
             * @memberof sworn.v1.Receipt
             * @instance
             */
            Receipt.prototype.cosigned = null;

            // OneOf field names bound to virtual getters and setters
            let $oneOfFields;

            /**
             * Receipt message.
             * @member {"welcome"|"stored"|"refused"|"cosigned"|undefined} message
             * @memberof sworn.v1.Receipt
             * @instance
             */
            $Object.defineProperty(Receipt.prototype, "message", {
                get: $util.oneOfGetter($oneOfFields = ["welcome", "stored", "refused", "cosigned"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            /**
             * Encodes the specified Receipt message. Does not implicitly {@link sworn.v1.Receipt.verify|verify} messages.
             * @function encode
             * @memberof sworn.v1.Receipt
             * @static
             * @param {sworn.v1.Receipt.$Properties} message Receipt message or plain object to encode
             * @param {$protobuf.Writer} [writer] Writer to encode to
             * @returns {$protobuf.Writer} Writer
             */
            Receipt.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.welcome != null && $Object.hasOwnProperty.call(message, "welcome"))
                    $root.sworn.v1.Welcome.encode(message.welcome, writer.uint32(/* id 1, wireType 2 =*/10).fork(), _depth + 1).ldelim();
                if (message.stored != null && $Object.hasOwnProperty.call(message, "stored"))
                    $root.sworn.v1.Stored.encode(message.stored, writer.uint32(/* id 2, wireType 2 =*/18).fork(), _depth + 1).ldelim();
                if (message.refused != null && $Object.hasOwnProperty.call(message, "refused"))
                    $root.sworn.v1.Refused.encode(message.refused, writer.uint32(/* id 3, wireType 2 =*/26).fork(), _depth + 1).ldelim();
                if (message.cosigned != null && $Object.hasOwnProperty.call(message, "cosigned"))
                    $root.sworn.v1.Cosigned.encode(message.cosigned, writer.uint32(/* id 4, wireType 2 =*/34).fork(), _depth + 1).ldelim();
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            /**
             * Decodes a Receipt message from the specified reader or buffer.
             * @function decode
             * @memberof sworn.v1.Receipt
             * @static
             * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
             * @param {number} [length] Message length if known beforehand
             * @returns {sworn.v1.Receipt & sworn.v1.Receipt.$Shape} Receipt
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            Receipt.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.sworn.v1.Receipt();
                while (reader.pos < end) {
                    let start = reader.pos;
                    let tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    let wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            message.welcome = $root.sworn.v1.Welcome.decode(reader, reader.size(), $undefined, _depth + 1, message.welcome);
                            message.message = "welcome";
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            message.stored = $root.sworn.v1.Stored.decode(reader, reader.size(), $undefined, _depth + 1, message.stored);
                            message.message = "stored";
                            continue;
                        }
                    case 3: {
                            if (wireType !== 2)
                                break;
                            message.refused = $root.sworn.v1.Refused.decode(reader, reader.size(), $undefined, _depth + 1, message.refused);
                            message.message = "refused";
                            continue;
                        }
                    case 4: {
                            if (wireType !== 2)
                                break;
                            message.cosigned = $root.sworn.v1.Cosigned.decode(reader, reader.size(), $undefined, _depth + 1, message.cosigned);
                            message.message = "cosigned";
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return Receipt;
        })();

        v1.Welcome = (function() {

            /**
             * Properties of a Welcome.
             * @typedef {Object} sworn.v1.Welcome.$Properties
             * @property {number|Long|null} [storedSeq] Welcome storedSeq
             * @property {number|null} [batchBytesMax] Welcome batchBytesMax
             * @property {string|null} [sealKey] Welcome sealKey
             * @property {Array.<Uint8Array>|null} [treeSubtrees] Welcome treeSubtrees
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */

            /**
             * Properties of a Welcome.
             * @memberof sworn.v1
             * @interface IWelcome
             * @augments sworn.v1.Welcome.$Properties
             * @deprecated Use sworn.v1.Welcome.$Properties instead.
             */

            /**
             * Shape of a Welcome.
             * @typedef {sworn.v1.Welcome.$Properties} sworn.v1.Welcome.$Shape
             */

            /**
             * Constructs a new Welcome.
             * @memberof sworn.v1
             * @classdesc Represents a Welcome.
             * @constructor
             * @param {sworn.v1.Welcome.$Properties=} [properties] Properties to set
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */
            const Welcome = function (properties) {
                this.treeSubtrees = [];
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            /**
             * Welcome storedSeq.
             * @member {number|Long} storedSeq
             * @memberof sworn.v1.Welcome
             * @instance
             */
            Welcome.prototype.storedSeq = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

            /**
             * Welcome batchBytesMax.
             * @member {number} batchBytesMax
             * @memberof sworn.v1.Welcome
             * @instance
             */
            Welcome.prototype.batchBytesMax = 0;

            /**
             * Welcome sealKey.
             * @member {string} sealKey
             * @memberof sworn.v1.Welcome
             * @instance
             */
            Welcome.prototype.sealKey = "";

            /**
             * Welcome treeSubtrees.
             * @member {Array.<Uint8Array>} treeSubtrees
             * @memberof sworn.v1.Welcome
             * @instance
             */
            Welcome.prototype.treeSubtrees = $util.emptyArray;

            /**
             * Encodes the specified Welcome message. Does not implicitly {@link sworn.v1.Welcome.verify|verify} messages.
             * @function encode
             * @memberof sworn.v1.Welcome
             * @static
             * @param {sworn.v1.Welcome.$Properties} message Welcome message or plain object to encode
             * @param {$protobuf.Writer} [writer] Writer to encode to
             * @returns {$protobuf.Writer} Writer
             */
            Welcome.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.storedSeq != null && $Object.hasOwnProperty.call(message, "storedSeq") && (typeof message.storedSeq === "object" ? message.storedSeq.low || message.storedSeq.high : message.storedSeq !== 0))
                    writer.uint32(/* id 1, wireType 0 =*/8).uint64(message.storedSeq);
                if (message.batchBytesMax != null && $Object.hasOwnProperty.call(message, "batchBytesMax") && message.batchBytesMax !== 0)
                    writer.uint32(/* id 2, wireType 0 =*/16).uint32(message.batchBytesMax);
                if (message.sealKey != null && $Object.hasOwnProperty.call(message, "sealKey") && message.sealKey !== "")
                    writer.uint32(/* id 3, wireType 2 =*/26).string(message.sealKey);
                if (message.treeSubtrees != null && message.treeSubtrees.length)
                    for (let i = 0; i < message.treeSubtrees.length; ++i)
                        writer.uint32(/* id 4, wireType 2 =*/34).bytes(message.treeSubtrees[i]);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            /**
             * Decodes a Welcome message from the specified reader or buffer.
             * @function decode
             * @memberof sworn.v1.Welcome
             * @static
             * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
             * @param {number} [length] Message length if known beforehand
             * @returns {sworn.v1.Welcome & sworn.v1.Welcome.$Shape} Welcome
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            Welcome.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.sworn.v1.Welcome();
                while (reader.pos < end) {
                    let start = reader.pos;
                    let tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    let wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.storedSeq = value;
                            else
                                delete message.storedSeq;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.batchBytesMax = value;
                            else
                                delete message.batchBytesMax;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.sealKey = value;
                            else
                                delete message.sealKey;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 2)
                                break;
                            if (!(message.treeSubtrees && message.treeSubtrees.length))
                                message.treeSubtrees = [];
                            message.treeSubtrees.push(reader.bytes());
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return Welcome;
        })();

        v1.Cosigned = (function() {

            /**
             * Properties of a Cosigned.
             * @typedef {Object} sworn.v1.Cosigned.$Properties
             * @property {string|null} [note] Cosigned note
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */

            /**
             * Properties of a Cosigned.
             * @memberof sworn.v1
             * @interface ICosigned
             * @augments sworn.v1.Cosigned.$Properties
             * @deprecated Use sworn.v1.Cosigned.$Properties instead.
             */

            /**
             * Shape of a Cosigned.
             * @typedef {sworn.v1.Cosigned.$Properties} sworn.v1.Cosigned.$Shape
             */

            /**
             * Constructs a new Cosigned.
             * @memberof sworn.v1
             * @classdesc Represents a Cosigned.
             * @constructor
             * @param {sworn.v1.Cosigned.$Properties=} [properties] Properties to set
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */
            const Cosigned = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            /**
             * Cosigned note.
             * @member {string} note
             * @memberof sworn.v1.Cosigned
             * @instance
             */
            Cosigned.prototype.note = "";

            /**
             * Encodes the specified Cosigned message. Does not implicitly {@link sworn.v1.Cosigned.verify|verify} messages.
             * @function encode
             * @memberof sworn.v1.Cosigned
             * @static
             * @param {sworn.v1.Cosigned.$Properties} message Cosigned message or plain object to encode
             * @param {$protobuf.Writer} [writer] Writer to encode to
             * @returns {$protobuf.Writer} Writer
             */
            Cosigned.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.note != null && $Object.hasOwnProperty.call(message, "note") && message.note !== "")
                    writer.uint32(/* id 1, wireType 2 =*/10).string(message.note);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            /**
             * Decodes a Cosigned message from the specified reader or buffer.
             * @function decode
             * @memberof sworn.v1.Cosigned
             * @static
             * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
             * @param {number} [length] Message length if known beforehand
             * @returns {sworn.v1.Cosigned & sworn.v1.Cosigned.$Shape} Cosigned
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            Cosigned.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.sworn.v1.Cosigned();
                while (reader.pos < end) {
                    let start = reader.pos;
                    let tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    let wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.note = value;
                            else
                                delete message.note;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return Cosigned;
        })();

        v1.Stored = (function() {

            /**
             * Properties of a Stored.
             * @typedef {Object} sworn.v1.Stored.$Properties
             * @property {number|Long|null} [seq] Stored seq
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */

            /**
             * Properties of a Stored.
             * @memberof sworn.v1
             * @interface IStored
             * @augments sworn.v1.Stored.$Properties
             * @deprecated Use sworn.v1.Stored.$Properties instead.
             */

            /**
             * Shape of a Stored.
             * @typedef {sworn.v1.Stored.$Properties} sworn.v1.Stored.$Shape
             */

            /**
             * Constructs a new Stored.
             * @memberof sworn.v1
             * @classdesc Represents a Stored.
             * @constructor
             * @param {sworn.v1.Stored.$Properties=} [properties] Properties to set
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */
            const Stored = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            /**
             * Stored seq.
             * @member {number|Long} seq
             * @memberof sworn.v1.Stored
             * @instance
             */
            Stored.prototype.seq = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

            /**
             * Encodes the specified Stored message. Does not implicitly {@link sworn.v1.Stored.verify|verify} messages.
             * @function encode
             * @memberof sworn.v1.Stored
             * @static
             * @param {sworn.v1.Stored.$Properties} message Stored message or plain object to encode
             * @param {$protobuf.Writer} [writer] Writer to encode to
             * @returns {$protobuf.Writer} Writer
             */
            Stored.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.seq != null && $Object.hasOwnProperty.call(message, "seq") && (typeof message.seq === "object" ? message.seq.low || message.seq.high : message.seq !== 0))
                    writer.uint32(/* id 1, wireType 0 =*/8).uint64(message.seq);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            /**
             * Decodes a Stored message from the specified reader or buffer.
             * @function decode
             * @memberof sworn.v1.Stored
             * @static
             * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
             * @param {number} [length] Message length if known beforehand
             * @returns {sworn.v1.Stored & sworn.v1.Stored.$Shape} Stored
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            Stored.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.sworn.v1.Stored();
                while (reader.pos < end) {
                    let start = reader.pos;
                    let tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    let wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.seq = value;
                            else
                                delete message.seq;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return Stored;
        })();

        v1.Refused = (function() {

            /**
             * Properties of a Refused.
             * @typedef {Object} sworn.v1.Refused.$Properties
             * @property {string|null} [code] Refused code
             * @property {string|null} [message] Refused message
             * @property {boolean|null} [retry] Refused retry
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */

            /**
             * Properties of a Refused.
             * @memberof sworn.v1
             * @interface IRefused
             * @augments sworn.v1.Refused.$Properties
             * @deprecated Use sworn.v1.Refused.$Properties instead.
             */

            /**
             * Shape of a Refused.
             * @typedef {sworn.v1.Refused.$Properties} sworn.v1.Refused.$Shape
             */

            /**
             * Constructs a new Refused.
             * @memberof sworn.v1
             * @classdesc Represents a Refused.
             * @constructor
             * @param {sworn.v1.Refused.$Properties=} [properties] Properties to set
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */
            const Refused = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            /**
             * Refused code.
             * @member {string} code
             * @memberof sworn.v1.Refused
             * @instance
             */
            Refused.prototype.code = "";

            /**
             * Refused message.
             * @member {string} message
             * @memberof sworn.v1.Refused
             * @instance
             */
            Refused.prototype.message = "";

            /**
             * Refused retry.
             * @member {boolean} retry
             * @memberof sworn.v1.Refused
             * @instance
             */
            Refused.prototype.retry = false;

            /**
             * Encodes the specified Refused message. Does not implicitly {@link sworn.v1.Refused.verify|verify} messages.
             * @function encode
             * @memberof sworn.v1.Refused
             * @static
             * @param {sworn.v1.Refused.$Properties} message Refused message or plain object to encode
             * @param {$protobuf.Writer} [writer] Writer to encode to
             * @returns {$protobuf.Writer} Writer
             */
            Refused.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.code != null && $Object.hasOwnProperty.call(message, "code") && message.code !== "")
                    writer.uint32(/* id 1, wireType 2 =*/10).string(message.code);
                if (message.message != null && $Object.hasOwnProperty.call(message, "message") && message.message !== "")
                    writer.uint32(/* id 2, wireType 2 =*/18).string(message.message);
                if (message.retry != null && $Object.hasOwnProperty.call(message, "retry") && message.retry !== false)
                    writer.uint32(/* id 3, wireType 0 =*/24).bool(message.retry);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            /**
             * Decodes a Refused message from the specified reader or buffer.
             * @function decode
             * @memberof sworn.v1.Refused
             * @static
             * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
             * @param {number} [length] Message length if known beforehand
             * @returns {sworn.v1.Refused & sworn.v1.Refused.$Shape} Refused
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            Refused.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.sworn.v1.Refused();
                while (reader.pos < end) {
                    let start = reader.pos;
                    let tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    let wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.code = value;
                            else
                                delete message.code;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.message = value;
                            else
                                delete message.message;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.bool())
                                message.retry = value;
                            else
                                delete message.retry;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return Refused;
        })();

        return v1;
    })();

    return sworn;
})();

export {
  $root as default
};
