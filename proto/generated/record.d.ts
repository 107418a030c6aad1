import * as $protobuf from "protobufjs/minimal.js";
import Long = require("long");

/** Namespace sworn. */
export namespace sworn {

    /** Namespace v1. */
    namespace v1 {

        /**
         * Properties of an Activity.
         * @deprecated Use sworn.v1.Activity.$Properties instead.
         */
        interface IActivity extends sworn.v1.Activity.$Properties {
        }

        /** Represents an Activity. */
        class Activity {

            /**
             * Constructs a new Activity.
             * @param [properties] Properties to set
             */
            constructor(properties?: sworn.v1.Activity.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Activity seq. */
            seq: (number|Long);

            /** Activity timeNs. */
            timeNs: (number|Long);

            /** Activity endTimeNs. */
            endTimeNs: (number|Long);

            /** Activity sessionId. */
            sessionId: string;

            /** Activity workload. */
            workload: string;

            /** Activity identityId. */
            identityId: string;

            /** Activity identityName. */
            identityName: string;

            /** Activity identityState. */
            identityState: sworn.v1.IdentityState;

            /** Activity identitySource. */
            identitySource: sworn.v1.IdentitySource;

            /** Activity tokenId. */
            tokenId: string;

            /** Activity pid. */
            pid: number;

            /** Activity processId. */
            processId: string;

            /** Activity exe. */
            exe: string;

            /** Activity connectionId. */
            connectionId: string;

            /** Activity identityTenant. */
            identityTenant: string;

            /** Activity identityBlueprint. */
            identityBlueprint: string;

            /** Activity onBehalfOfId. */
            onBehalfOfId: string;

            /** Activity onBehalfOfName. */
            onBehalfOfName: string;

            /** Activity tokenAudience. */
            tokenAudience: string;

            /** Activity tokenScopes. */
            tokenScopes: string;

            /** Activity tokenFingerprint. */
            tokenFingerprint: string;

            /** Activity identityKind. */
            identityKind: string;

            /** Activity command. */
            command?: (sworn.v1.Command.$Properties|null);

            /** Activity process. */
            process?: (sworn.v1.Process.$Properties|null);

            /** Activity connection. */
            connection?: (sworn.v1.Connection.$Properties|null);

            /** Activity token. */
            token?: (sworn.v1.Token.$Properties|null);

            /** Activity loss. */
            loss?: (sworn.v1.Loss.$Properties|null);

            /** Activity session. */
            session?: (sworn.v1.Session.$Properties|null);

            /** Activity recorder. */
            recorder?: (sworn.v1.Recorder.$Properties|null);

            /** Activity alert. */
            alert?: (sworn.v1.Alert.$Properties|null);

            /** Activity finding. */
            finding?: (sworn.v1.Finding.$Properties|null);

            /** Activity erasure. */
            erasure?: (sworn.v1.Erasure.$Properties|null);

            /** Activity terminal. */
            terminal?: (sworn.v1.Terminal.$Properties|null);

            /** Activity salt. */
            salt: Uint8Array;

            /** Activity leaf. */
            leaf: Uint8Array;

            /** Activity detail. */
            detail?: ("command"|"process"|"connection"|"token"|"loss"|"session"|"recorder"|"alert"|"finding"|"erasure"|"terminal");

            /**
             * Encodes the specified Activity message. Does not implicitly {@link sworn.v1.Activity.verify|verify} messages.
             * @param message Activity message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: sworn.v1.Activity.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes an Activity message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {sworn.v1.Activity & sworn.v1.Activity.$Shape} Activity
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): sworn.v1.Activity & sworn.v1.Activity.$Shape;
        }

        namespace Activity {

            /** Properties of an Activity. */
            interface $Properties {

                /** Activity seq */
                seq?: (number|Long|null);

                /** Activity timeNs */
                timeNs?: (number|Long|null);

                /** Activity endTimeNs */
                endTimeNs?: (number|Long|null);

                /** Activity sessionId */
                sessionId?: (string|null);

                /** Activity workload */
                workload?: (string|null);

                /** Activity identityId */
                identityId?: (string|null);

                /** Activity identityName */
                identityName?: (string|null);

                /** Activity identityState */
                identityState?: (sworn.v1.IdentityState|null);

                /** Activity identitySource */
                identitySource?: (sworn.v1.IdentitySource|null);

                /** Activity tokenId */
                tokenId?: (string|null);

                /** Activity pid */
                pid?: (number|null);

                /** Activity processId */
                processId?: (string|null);

                /** Activity exe */
                exe?: (string|null);

                /** Activity connectionId */
                connectionId?: (string|null);

                /** Activity identityTenant */
                identityTenant?: (string|null);

                /** Activity identityBlueprint */
                identityBlueprint?: (string|null);

                /** Activity onBehalfOfId */
                onBehalfOfId?: (string|null);

                /** Activity onBehalfOfName */
                onBehalfOfName?: (string|null);

                /** Activity tokenAudience */
                tokenAudience?: (string|null);

                /** Activity tokenScopes */
                tokenScopes?: (string|null);

                /** Activity tokenFingerprint */
                tokenFingerprint?: (string|null);

                /** Activity identityKind */
                identityKind?: (string|null);

                /** Activity command */
                command?: (sworn.v1.Command.$Properties|null);

                /** Activity process */
                process?: (sworn.v1.Process.$Properties|null);

                /** Activity connection */
                connection?: (sworn.v1.Connection.$Properties|null);

                /** Activity token */
                token?: (sworn.v1.Token.$Properties|null);

                /** Activity loss */
                loss?: (sworn.v1.Loss.$Properties|null);

                /** Activity session */
                session?: (sworn.v1.Session.$Properties|null);

                /** Activity recorder */
                recorder?: (sworn.v1.Recorder.$Properties|null);

                /** Activity alert */
                alert?: (sworn.v1.Alert.$Properties|null);

                /** Activity finding */
                finding?: (sworn.v1.Finding.$Properties|null);

                /** Activity erasure */
                erasure?: (sworn.v1.Erasure.$Properties|null);

                /** Activity terminal */
                terminal?: (sworn.v1.Terminal.$Properties|null);

                /** Activity salt */
                salt?: (Uint8Array|null);

                /** Activity leaf */
                leaf?: (Uint8Array|null);

                /** Activity detail */
                detail?: ("command"|"process"|"connection"|"token"|"loss"|"session"|"recorder"|"alert"|"finding"|"erasure"|"terminal");

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Narrowed shape of an Activity. */
            type $Shape = {
              seq?: number|Long|null;
              timeNs?: number|Long|null;
              endTimeNs?: number|Long|null;
              sessionId?: string|null;
              workload?: string|null;
              identityId?: string|null;
              identityName?: string|null;
              identityState?: sworn.v1.IdentityState|null;
              identitySource?: sworn.v1.IdentitySource|null;
              tokenId?: string|null;
              pid?: number|null;
              processId?: string|null;
              exe?: string|null;
              connectionId?: string|null;
              identityTenant?: string|null;
              identityBlueprint?: string|null;
              onBehalfOfId?: string|null;
              onBehalfOfName?: string|null;
              tokenAudience?: string|null;
              tokenScopes?: string|null;
              tokenFingerprint?: string|null;
              identityKind?: string|null;
              command?: sworn.v1.Command.$Shape|null;
              process?: sworn.v1.Process.$Shape|null;
              connection?: sworn.v1.Connection.$Shape|null;
              token?: sworn.v1.Token.$Shape|null;
              loss?: sworn.v1.Loss.$Shape|null;
              session?: sworn.v1.Session.$Shape|null;
              recorder?: sworn.v1.Recorder.$Shape|null;
              alert?: sworn.v1.Alert.$Shape|null;
              finding?: sworn.v1.Finding.$Shape|null;
              erasure?: sworn.v1.Erasure.$Shape|null;
              terminal?: sworn.v1.Terminal.$Shape|null;
              salt?: Uint8Array|null;
              leaf?: Uint8Array|null;
              $unknowns?: Uint8Array[];
            } & (
              ({ detail?: undefined; command?: null; process?: null; connection?: null; token?: null; loss?: null; session?: null; recorder?: null; alert?: null; finding?: null; erasure?: null; terminal?: null }|{ detail?: "command"; command: sworn.v1.Command.$Shape; process?: null; connection?: null; token?: null; loss?: null; session?: null; recorder?: null; alert?: null; finding?: null; erasure?: null; terminal?: null }|{ detail?: "process"; command?: null; process: sworn.v1.Process.$Shape; connection?: null; token?: null; loss?: null; session?: null; recorder?: null; alert?: null; finding?: null; erasure?: null; terminal?: null }|{ detail?: "connection"; command?: null; process?: null; connection: sworn.v1.Connection.$Shape; token?: null; loss?: null; session?: null; recorder?: null; alert?: null; finding?: null; erasure?: null; terminal?: null }|{ detail?: "token"; command?: null; process?: null; connection?: null; token: sworn.v1.Token.$Shape; loss?: null; session?: null; recorder?: null; alert?: null; finding?: null; erasure?: null; terminal?: null }|{ detail?: "loss"; command?: null; process?: null; connection?: null; token?: null; loss: sworn.v1.Loss.$Shape; session?: null; recorder?: null; alert?: null; finding?: null; erasure?: null; terminal?: null }|{ detail?: "session"; command?: null; process?: null; connection?: null; token?: null; loss?: null; session: sworn.v1.Session.$Shape; recorder?: null; alert?: null; finding?: null; erasure?: null; terminal?: null }|{ detail?: "recorder"; command?: null; process?: null; connection?: null; token?: null; loss?: null; session?: null; recorder: sworn.v1.Recorder.$Shape; alert?: null; finding?: null; erasure?: null; terminal?: null }|{ detail?: "alert"; command?: null; process?: null; connection?: null; token?: null; loss?: null; session?: null; recorder?: null; alert: sworn.v1.Alert.$Shape; finding?: null; erasure?: null; terminal?: null }|{ detail?: "finding"; command?: null; process?: null; connection?: null; token?: null; loss?: null; session?: null; recorder?: null; alert?: null; finding: sworn.v1.Finding.$Shape; erasure?: null; terminal?: null }|{ detail?: "erasure"; command?: null; process?: null; connection?: null; token?: null; loss?: null; session?: null; recorder?: null; alert?: null; finding?: null; erasure: sworn.v1.Erasure.$Shape; terminal?: null }|{ detail?: "terminal"; command?: null; process?: null; connection?: null; token?: null; loss?: null; session?: null; recorder?: null; alert?: null; finding?: null; erasure?: null; terminal: sworn.v1.Terminal.$Shape })
            );
        }

        /** IdentityState enum. */
        enum IdentityState {

            /** IDENTITY_STATE_UNSPECIFIED value */
            IDENTITY_STATE_UNSPECIFIED = 0,

            /** IDENTITY_STATE_NONE value */
            IDENTITY_STATE_NONE = 1,

            /** IDENTITY_STATE_POLICY value */
            IDENTITY_STATE_POLICY = 2,

            /** IDENTITY_STATE_VERIFIED value */
            IDENTITY_STATE_VERIFIED = 3,

            /** IDENTITY_STATE_UNVERIFIABLE value */
            IDENTITY_STATE_UNVERIFIABLE = 4,

            /** IDENTITY_STATE_INVALID value */
            IDENTITY_STATE_INVALID = 5
        }

        /** IdentitySource enum. */
        enum IdentitySource {

            /** IDENTITY_SOURCE_UNSPECIFIED value */
            IDENTITY_SOURCE_UNSPECIFIED = 0,

            /** IDENTITY_SOURCE_NONE value */
            IDENTITY_SOURCE_NONE = 1,

            /** IDENTITY_SOURCE_POLICY value */
            IDENTITY_SOURCE_POLICY = 2,

            /** IDENTITY_SOURCE_BROKER value */
            IDENTITY_SOURCE_BROKER = 3,

            /** IDENTITY_SOURCE_WIRE value */
            IDENTITY_SOURCE_WIRE = 4
        }

        /**
         * Properties of a Command.
         * @deprecated Use sworn.v1.Command.$Properties instead.
         */
        interface ICommand extends sworn.v1.Command.$Properties {
        }

        /** Represents a Command. */
        class Command {

            /**
             * Constructs a new Command.
             * @param [properties] Properties to set
             */
            constructor(properties?: sworn.v1.Command.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Command protocol. */
            protocol: string;

            /** Command operation. */
            operation: string;

            /** Command target. */
            target: string;

            /** Command resource. */
            resource: string;

            /** Command statement. */
            statement: string;

            /** Command statementShape. */
            statementShape: string;

            /** Command parameters. */
            parameters: string;

            /** Command request. */
            request: Uint8Array;

            /** Command response. */
            response: Uint8Array;

            /** Command status. */
            status: sworn.v1.Status;

            /** Command errorCode. */
            errorCode: string;

            /** Command errorMessage. */
            errorMessage: string;

            /** Command rows. */
            rows?: (number|Long|null);

            /** Command requestBytes. */
            requestBytes: (number|Long);

            /** Command responseBytes. */
            responseBytes: (number|Long);

            /** Command truncated. */
            truncated: boolean;

            /** Command requestPayloadBytes. */
            requestPayloadBytes: (number|Long);

            /** Command responsePayloadBytes. */
            responsePayloadBytes: (number|Long);

            /** Command requestSha256. */
            requestSha256: Uint8Array;

            /** Command responseSha256. */
            responseSha256: Uint8Array;

            /** Command tls. */
            tls: string;

            /** Command role. */
            role: sworn.v1.Role;

            /** Command attributes. */
            attributes: { [k: string]: string };

            /** Command durationNs. */
            durationNs: (number|Long);

            /**
             * Encodes the specified Command message. Does not implicitly {@link sworn.v1.Command.verify|verify} messages.
             * @param message Command message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: sworn.v1.Command.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Command message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {sworn.v1.Command & sworn.v1.Command.$Shape} Command
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): sworn.v1.Command & sworn.v1.Command.$Shape;
        }

        namespace Command {

            /** Properties of a Command. */
            interface $Properties {

                /** Command protocol */
                protocol?: (string|null);

                /** Command operation */
                operation?: (string|null);

                /** Command target */
                target?: (string|null);

                /** Command resource */
                resource?: (string|null);

                /** Command statement */
                statement?: (string|null);

                /** Command statementShape */
                statementShape?: (string|null);

                /** Command parameters */
                parameters?: (string|null);

                /** Command request */
                request?: (Uint8Array|null);

                /** Command response */
                response?: (Uint8Array|null);

                /** Command status */
                status?: (sworn.v1.Status|null);

                /** Command errorCode */
                errorCode?: (string|null);

                /** Command errorMessage */
                errorMessage?: (string|null);

                /** Command rows */
                rows?: (number|Long|null);

                /** Command requestBytes */
                requestBytes?: (number|Long|null);

                /** Command responseBytes */
                responseBytes?: (number|Long|null);

                /** Command truncated */
                truncated?: (boolean|null);

                /** Command requestPayloadBytes */
                requestPayloadBytes?: (number|Long|null);

                /** Command responsePayloadBytes */
                responsePayloadBytes?: (number|Long|null);

                /** Command requestSha256 */
                requestSha256?: (Uint8Array|null);

                /** Command responseSha256 */
                responseSha256?: (Uint8Array|null);

                /** Command tls */
                tls?: (string|null);

                /** Command role */
                role?: (sworn.v1.Role|null);

                /** Command attributes */
                attributes?: ({ [k: string]: string }|null);

                /** Command durationNs */
                durationNs?: (number|Long|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a Command. */
            type $Shape = sworn.v1.Command.$Properties;
        }

        /** Status enum. */
        enum Status {

            /** STATUS_UNSPECIFIED value */
            STATUS_UNSPECIFIED = 0,

            /** STATUS_OK value */
            STATUS_OK = 1,

            /** STATUS_ERROR value */
            STATUS_ERROR = 2,

            /** STATUS_UNKNOWN value */
            STATUS_UNKNOWN = 3
        }

        /** Role enum. */
        enum Role {

            /** ROLE_UNSPECIFIED value */
            ROLE_UNSPECIFIED = 0,

            /** ROLE_CLIENT value */
            ROLE_CLIENT = 1,

            /** ROLE_SERVER value */
            ROLE_SERVER = 2
        }

        /**
         * Properties of a Process.
         * @deprecated Use sworn.v1.Process.$Properties instead.
         */
        interface IProcess extends sworn.v1.Process.$Properties {
        }

        /** Represents a Process. */
        class Process {

            /**
             * Constructs a new Process.
             * @param [properties] Properties to set
             */
            constructor(properties?: sworn.v1.Process.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Process action. */
            action: sworn.v1.Process.Action;

            /** Process parentPid. */
            parentPid: number;

            /** Process parentProcessId. */
            parentProcessId: string;

            /** Process argv. */
            argv: string[];

            /** Process argvBytes. */
            argvBytes: number;

            /** Process truncated. */
            truncated: boolean;

            /** Process cwd. */
            cwd: string;

            /** Process uid. */
            uid: number;

            /** Process gid. */
            gid: number;

            /** Process loginUid. */
            loginUid: number;

            /** Process cgroup. */
            cgroup: string;

            /** Process containerId. */
            containerId: string;

            /** Process exitCode. */
            exitCode: number;

            /** Process signal. */
            signal: number;

            /** Process coreDumped. */
            coreDumped: boolean;

            /**
             * Encodes the specified Process message. Does not implicitly {@link sworn.v1.Process.verify|verify} messages.
             * @param message Process message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: sworn.v1.Process.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Process message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {sworn.v1.Process & sworn.v1.Process.$Shape} Process
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): sworn.v1.Process & sworn.v1.Process.$Shape;
        }

        namespace Process {

            /** Properties of a Process. */
            interface $Properties {

                /** Process action */
                action?: (sworn.v1.Process.Action|null);

                /** Process parentPid */
                parentPid?: (number|null);

                /** Process parentProcessId */
                parentProcessId?: (string|null);

                /** Process argv */
                argv?: (string[]|null);

                /** Process argvBytes */
                argvBytes?: (number|null);

                /** Process truncated */
                truncated?: (boolean|null);

                /** Process cwd */
                cwd?: (string|null);

                /** Process uid */
                uid?: (number|null);

                /** Process gid */
                gid?: (number|null);

                /** Process loginUid */
                loginUid?: (number|null);

                /** Process cgroup */
                cgroup?: (string|null);

                /** Process containerId */
                containerId?: (string|null);

                /** Process exitCode */
                exitCode?: (number|null);

                /** Process signal */
                signal?: (number|null);

                /** Process coreDumped */
                coreDumped?: (boolean|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a Process. */
            type $Shape = sworn.v1.Process.$Properties;

            /** Action enum. */
            enum Action {

                /** ACTION_UNSPECIFIED value */
                ACTION_UNSPECIFIED = 0,

                /** ACTION_FORK value */
                ACTION_FORK = 1,

                /** ACTION_EXEC value */
                ACTION_EXEC = 2,

                /** ACTION_EXIT value */
                ACTION_EXIT = 3,

                /** ACTION_JOINED value */
                ACTION_JOINED = 4
            }
        }

        /**
         * Properties of a Connection.
         * @deprecated Use sworn.v1.Connection.$Properties instead.
         */
        interface IConnection extends sworn.v1.Connection.$Properties {
        }

        /** Represents a Connection. */
        class Connection {

            /**
             * Constructs a new Connection.
             * @param [properties] Properties to set
             */
            constructor(properties?: sworn.v1.Connection.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Connection action. */
            action: sworn.v1.Connection.Action;

            /** Connection transport. */
            transport: string;

            /** Connection protocol. */
            protocol: string;

            /** Connection role. */
            role: sworn.v1.Role;

            /** Connection localAddress. */
            localAddress: string;

            /** Connection localPort. */
            localPort: number;

            /** Connection remoteAddress. */
            remoteAddress: string;

            /** Connection remotePort. */
            remotePort: number;

            /** Connection joinedLate. */
            joinedLate: boolean;

            /** Connection error. */
            error: string;

            /** Connection sent. */
            sent?: (sworn.v1.ByteAccount.$Properties|null);

            /** Connection received. */
            received?: (sworn.v1.ByteAccount.$Properties|null);

            /** Connection tls. */
            tls: string;

            /** Connection serverName. */
            serverName: string;

            /** Connection attributes. */
            attributes: { [k: string]: string };

            /**
             * Encodes the specified Connection message. Does not implicitly {@link sworn.v1.Connection.verify|verify} messages.
             * @param message Connection message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: sworn.v1.Connection.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Connection message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {sworn.v1.Connection & sworn.v1.Connection.$Shape} Connection
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): sworn.v1.Connection & sworn.v1.Connection.$Shape;
        }

        namespace Connection {

            /** Properties of a Connection. */
            interface $Properties {

                /** Connection action */
                action?: (sworn.v1.Connection.Action|null);

                /** Connection transport */
                transport?: (string|null);

                /** Connection protocol */
                protocol?: (string|null);

                /** Connection role */
                role?: (sworn.v1.Role|null);

                /** Connection localAddress */
                localAddress?: (string|null);

                /** Connection localPort */
                localPort?: (number|null);

                /** Connection remoteAddress */
                remoteAddress?: (string|null);

                /** Connection remotePort */
                remotePort?: (number|null);

                /** Connection joinedLate */
                joinedLate?: (boolean|null);

                /** Connection error */
                error?: (string|null);

                /** Connection sent */
                sent?: (sworn.v1.ByteAccount.$Properties|null);

                /** Connection received */
                received?: (sworn.v1.ByteAccount.$Properties|null);

                /** Connection tls */
                tls?: (string|null);

                /** Connection serverName */
                serverName?: (string|null);

                /** Connection attributes */
                attributes?: ({ [k: string]: string }|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a Connection. */
            type $Shape = sworn.v1.Connection.$Properties;

            /** Action enum. */
            enum Action {

                /** ACTION_UNSPECIFIED value */
                ACTION_UNSPECIFIED = 0,

                /** ACTION_OPENED value */
                ACTION_OPENED = 1,

                /** ACTION_CLOSED value */
                ACTION_CLOSED = 2,

                /** ACTION_FAILED value */
                ACTION_FAILED = 3
            }
        }

        /**
         * Properties of a ByteAccount.
         * @deprecated Use sworn.v1.ByteAccount.$Properties instead.
         */
        interface IByteAccount extends sworn.v1.ByteAccount.$Properties {
        }

        /** Represents a ByteAccount. */
        class ByteAccount {

            /**
             * Constructs a new ByteAccount.
             * @param [properties] Properties to set
             */
            constructor(properties?: sworn.v1.ByteAccount.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ByteAccount moved. */
            moved: (number|Long);

            /** ByteAccount decoded. */
            decoded: (number|Long);

            /** ByteAccount notUnderstood. */
            notUnderstood: (number|Long);

            /** ByteAccount unreadable. */
            unreadable: (number|Long);

            /** ByteAccount cut. */
            cut: (number|Long);

            /** ByteAccount lost. */
            lost: (number|Long);

            /**
             * Encodes the specified ByteAccount message. Does not implicitly {@link sworn.v1.ByteAccount.verify|verify} messages.
             * @param message ByteAccount message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: sworn.v1.ByteAccount.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a ByteAccount message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {sworn.v1.ByteAccount & sworn.v1.ByteAccount.$Shape} ByteAccount
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): sworn.v1.ByteAccount & sworn.v1.ByteAccount.$Shape;
        }

        namespace ByteAccount {

            /** Properties of a ByteAccount. */
            interface $Properties {

                /** ByteAccount moved */
                moved?: (number|Long|null);

                /** ByteAccount decoded */
                decoded?: (number|Long|null);

                /** ByteAccount notUnderstood */
                notUnderstood?: (number|Long|null);

                /** ByteAccount unreadable */
                unreadable?: (number|Long|null);

                /** ByteAccount cut */
                cut?: (number|Long|null);

                /** ByteAccount lost */
                lost?: (number|Long|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a ByteAccount. */
            type $Shape = sworn.v1.ByteAccount.$Properties;
        }

        /**
         * Properties of a Token.
         * @deprecated Use sworn.v1.Token.$Properties instead.
         */
        interface IToken extends sworn.v1.Token.$Properties {
        }

        /** Represents a Token. */
        class Token {

            /**
             * Constructs a new Token.
             * @param [properties] Properties to set
             */
            constructor(properties?: sworn.v1.Token.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Token action. */
            action: sworn.v1.Token.Action;

            /** Token fingerprint. */
            fingerprint: string;

            /** Token audience. */
            audience: string;

            /** Token tenantId. */
            tenantId: string;

            /** Token claims. */
            claims: string;

            /** Token issuedAtNs. */
            issuedAtNs: (number|Long);

            /** Token expiresAtNs. */
            expiresAtNs: (number|Long);

            /** Token reason. */
            reason: string;

            /** Token interface. */
            interface: string;

            /** Token suspicious. */
            suspicious: boolean;

            /** Token holderSessionId. */
            holderSessionId: string;

            /** Token holderProcessId. */
            holderProcessId: string;

            /** Token count. */
            count: (number|Long);

            /** Token kind. */
            kind: string;

            /** Token policy. */
            policy: string;

            /** Token exeSha256. */
            exeSha256: string;

            /**
             * Encodes the specified Token message. Does not implicitly {@link sworn.v1.Token.verify|verify} messages.
             * @param message Token message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: sworn.v1.Token.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Token message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {sworn.v1.Token & sworn.v1.Token.$Shape} Token
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): sworn.v1.Token & sworn.v1.Token.$Shape;
        }

        namespace Token {

            /** Properties of a Token. */
            interface $Properties {

                /** Token action */
                action?: (sworn.v1.Token.Action|null);

                /** Token fingerprint */
                fingerprint?: (string|null);

                /** Token audience */
                audience?: (string|null);

                /** Token tenantId */
                tenantId?: (string|null);

                /** Token claims */
                claims?: (string|null);

                /** Token issuedAtNs */
                issuedAtNs?: (number|Long|null);

                /** Token expiresAtNs */
                expiresAtNs?: (number|Long|null);

                /** Token reason */
                reason?: (string|null);

                /** Token interface */
                "interface"?: (string|null);

                /** Token suspicious */
                suspicious?: (boolean|null);

                /** Token holderSessionId */
                holderSessionId?: (string|null);

                /** Token holderProcessId */
                holderProcessId?: (string|null);

                /** Token count */
                count?: (number|Long|null);

                /** Token kind */
                kind?: (string|null);

                /** Token policy */
                policy?: (string|null);

                /** Token exeSha256 */
                exeSha256?: (string|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a Token. */
            type $Shape = sworn.v1.Token.$Properties;

            /** Action enum. */
            enum Action {

                /** ACTION_UNSPECIFIED value */
                ACTION_UNSPECIFIED = 0,

                /** ACTION_ISSUED value */
                ACTION_ISSUED = 1,

                /** ACTION_REFUSED value */
                ACTION_REFUSED = 2,

                /** ACTION_OBSERVED value */
                ACTION_OBSERVED = 3
            }
        }

        /**
         * Properties of a Loss.
         * @deprecated Use sworn.v1.Loss.$Properties instead.
         */
        interface ILoss extends sworn.v1.Loss.$Properties {
        }

        /** Represents a Loss. */
        class Loss {

            /**
             * Constructs a new Loss.
             * @param [properties] Properties to set
             */
            constructor(properties?: sworn.v1.Loss.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Loss where. */
            where: string;

            /** Loss reason. */
            reason: string;

            /** Loss events. */
            events: (number|Long);

            /** Loss bytes. */
            bytes: (number|Long);

            /** Loss direction. */
            direction: string;

            /** Loss message. */
            message: string;

            /**
             * Encodes the specified Loss message. Does not implicitly {@link sworn.v1.Loss.verify|verify} messages.
             * @param message Loss message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: sworn.v1.Loss.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Loss message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {sworn.v1.Loss & sworn.v1.Loss.$Shape} Loss
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): sworn.v1.Loss & sworn.v1.Loss.$Shape;
        }

        namespace Loss {

            /** Properties of a Loss. */
            interface $Properties {

                /** Loss where */
                where?: (string|null);

                /** Loss reason */
                reason?: (string|null);

                /** Loss events */
                events?: (number|Long|null);

                /** Loss bytes */
                bytes?: (number|Long|null);

                /** Loss direction */
                direction?: (string|null);

                /** Loss message */
                message?: (string|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a Loss. */
            type $Shape = sworn.v1.Loss.$Properties;
        }

        /**
         * Properties of a Session.
         * @deprecated Use sworn.v1.Session.$Properties instead.
         */
        interface ISession extends sworn.v1.Session.$Properties {
        }

        /** Represents a Session. */
        class Session {

            /**
             * Constructs a new Session.
             * @param [properties] Properties to set
             */
            constructor(properties?: sworn.v1.Session.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Session action. */
            action: sworn.v1.Session.Action;

            /** Session selectedBy. */
            selectedBy: string;

            /** Session commandLine. */
            commandLine: string;

            /** Session processes. */
            processes: (number|Long);

            /** Session commands. */
            commands: (number|Long);

            /** Session losses. */
            losses: (number|Long);

            /** Session exitCode. */
            exitCode: number;

            /** Session signal. */
            signal: number;

            /**
             * Encodes the specified Session message. Does not implicitly {@link sworn.v1.Session.verify|verify} messages.
             * @param message Session message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: sworn.v1.Session.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Session message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {sworn.v1.Session & sworn.v1.Session.$Shape} Session
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): sworn.v1.Session & sworn.v1.Session.$Shape;
        }

        namespace Session {

            /** Properties of a Session. */
            interface $Properties {

                /** Session action */
                action?: (sworn.v1.Session.Action|null);

                /** Session selectedBy */
                selectedBy?: (string|null);

                /** Session commandLine */
                commandLine?: (string|null);

                /** Session processes */
                processes?: (number|Long|null);

                /** Session commands */
                commands?: (number|Long|null);

                /** Session losses */
                losses?: (number|Long|null);

                /** Session exitCode */
                exitCode?: (number|null);

                /** Session signal */
                signal?: (number|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a Session. */
            type $Shape = sworn.v1.Session.$Properties;

            /** Action enum. */
            enum Action {

                /** ACTION_UNSPECIFIED value */
                ACTION_UNSPECIFIED = 0,

                /** ACTION_STARTED value */
                ACTION_STARTED = 1,

                /** ACTION_ENDED value */
                ACTION_ENDED = 2
            }
        }

        /**
         * Properties of a Recorder.
         * @deprecated Use sworn.v1.Recorder.$Properties instead.
         */
        interface IRecorder extends sworn.v1.Recorder.$Properties {
        }

        /** Represents a Recorder. */
        class Recorder {

            /**
             * Constructs a new Recorder.
             * @param [properties] Properties to set
             */
            constructor(properties?: sworn.v1.Recorder.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Recorder action. */
            action: sworn.v1.Recorder.Action;

            /** Recorder version. */
            version: string;

            /** Recorder kernel. */
            kernel: string;

            /** Recorder bootId. */
            bootId: string;

            /** Recorder attributes. */
            attributes: { [k: string]: string };

            /**
             * Encodes the specified Recorder message. Does not implicitly {@link sworn.v1.Recorder.verify|verify} messages.
             * @param message Recorder message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: sworn.v1.Recorder.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Recorder message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {sworn.v1.Recorder & sworn.v1.Recorder.$Shape} Recorder
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): sworn.v1.Recorder & sworn.v1.Recorder.$Shape;
        }

        namespace Recorder {

            /** Properties of a Recorder. */
            interface $Properties {

                /** Recorder action */
                action?: (sworn.v1.Recorder.Action|null);

                /** Recorder version */
                version?: (string|null);

                /** Recorder kernel */
                kernel?: (string|null);

                /** Recorder bootId */
                bootId?: (string|null);

                /** Recorder attributes */
                attributes?: ({ [k: string]: string }|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a Recorder. */
            type $Shape = sworn.v1.Recorder.$Properties;

            /** Action enum. */
            enum Action {

                /** ACTION_UNSPECIFIED value */
                ACTION_UNSPECIFIED = 0,

                /** ACTION_STARTED value */
                ACTION_STARTED = 1,

                /** ACTION_STOPPED value */
                ACTION_STOPPED = 2,

                /** ACTION_HEARTBEAT value */
                ACTION_HEARTBEAT = 3,

                /** ACTION_CLOCK_JUMPED value */
                ACTION_CLOCK_JUMPED = 4,

                /** ACTION_SUSPENDED value */
                ACTION_SUSPENDED = 5
            }
        }

        /**
         * Properties of an Alert.
         * @deprecated Use sworn.v1.Alert.$Properties instead.
         */
        interface IAlert extends sworn.v1.Alert.$Properties {
        }

        /** Represents an Alert. */
        class Alert {

            /**
             * Constructs a new Alert.
             * @param [properties] Properties to set
             */
            constructor(properties?: sworn.v1.Alert.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Alert alertId. */
            alertId: string;

            /** Alert ruleId. */
            ruleId: string;

            /** Alert ruleTitle. */
            ruleTitle: string;

            /** Alert level. */
            level: string;

            /** Alert matchedAgentId. */
            matchedAgentId: string;

            /** Alert matchedSeq. */
            matchedSeq: (number|Long);

            /** Alert summary. */
            summary: string;

            /**
             * Encodes the specified Alert message. Does not implicitly {@link sworn.v1.Alert.verify|verify} messages.
             * @param message Alert message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: sworn.v1.Alert.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes an Alert message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {sworn.v1.Alert & sworn.v1.Alert.$Shape} Alert
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): sworn.v1.Alert & sworn.v1.Alert.$Shape;
        }

        namespace Alert {

            /** Properties of an Alert. */
            interface $Properties {

                /** Alert alertId */
                alertId?: (string|null);

                /** Alert ruleId */
                ruleId?: (string|null);

                /** Alert ruleTitle */
                ruleTitle?: (string|null);

                /** Alert level */
                level?: (string|null);

                /** Alert matchedAgentId */
                matchedAgentId?: (string|null);

                /** Alert matchedSeq */
                matchedSeq?: (number|Long|null);

                /** Alert summary */
                summary?: (string|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of an Alert. */
            type $Shape = sworn.v1.Alert.$Properties;
        }

        /**
         * Properties of a Finding.
         * @deprecated Use sworn.v1.Finding.$Properties instead.
         */
        interface IFinding extends sworn.v1.Finding.$Properties {
        }

        /** Represents a Finding. */
        class Finding {

            /**
             * Constructs a new Finding.
             * @param [properties] Properties to set
             */
            constructor(properties?: sworn.v1.Finding.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Finding kind. */
            kind: string;

            /** Finding subject. */
            subject: string;

            /** Finding message. */
            message: string;

            /** Finding events. */
            events: (number|Long);

            /** Finding bytes. */
            bytes: (number|Long);

            /** Finding attributes. */
            attributes: { [k: string]: string };

            /**
             * Encodes the specified Finding message. Does not implicitly {@link sworn.v1.Finding.verify|verify} messages.
             * @param message Finding message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: sworn.v1.Finding.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Finding message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {sworn.v1.Finding & sworn.v1.Finding.$Shape} Finding
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): sworn.v1.Finding & sworn.v1.Finding.$Shape;
        }

        namespace Finding {

            /** Properties of a Finding. */
            interface $Properties {

                /** Finding kind */
                kind?: (string|null);

                /** Finding subject */
                subject?: (string|null);

                /** Finding message */
                message?: (string|null);

                /** Finding events */
                events?: (number|Long|null);

                /** Finding bytes */
                bytes?: (number|Long|null);

                /** Finding attributes */
                attributes?: ({ [k: string]: string }|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a Finding. */
            type $Shape = sworn.v1.Finding.$Properties;
        }

        /**
         * Properties of an Erasure.
         * @deprecated Use sworn.v1.Erasure.$Properties instead.
         */
        interface IErasure extends sworn.v1.Erasure.$Properties {
        }

        /** Represents an Erasure. */
        class Erasure {

            /**
             * Constructs a new Erasure.
             * @param [properties] Properties to set
             */
            constructor(properties?: sworn.v1.Erasure.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Erasure action. */
            action: sworn.v1.Erasure.Action;

            /** Erasure identity. */
            identity: string;

            /** Erasure predicate. */
            predicate: string;

            /** Erasure reason. */
            reason: string;

            /** Erasure requestedBy. */
            requestedBy: string;

            /** Erasure activities. */
            activities: (number|Long);

            /** Erasure agents. */
            agents: { [k: string]: string };

            /** Erasure digest. */
            digest: Uint8Array;

            /** Erasure tombstoneSeq. */
            tombstoneSeq: (number|Long);

            /**
             * Encodes the specified Erasure message. Does not implicitly {@link sworn.v1.Erasure.verify|verify} messages.
             * @param message Erasure message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: sworn.v1.Erasure.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes an Erasure message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {sworn.v1.Erasure & sworn.v1.Erasure.$Shape} Erasure
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): sworn.v1.Erasure & sworn.v1.Erasure.$Shape;
        }

        namespace Erasure {

            /** Properties of an Erasure. */
            interface $Properties {

                /** Erasure action */
                action?: (sworn.v1.Erasure.Action|null);

                /** Erasure identity */
                identity?: (string|null);

                /** Erasure predicate */
                predicate?: (string|null);

                /** Erasure reason */
                reason?: (string|null);

                /** Erasure requestedBy */
                requestedBy?: (string|null);

                /** Erasure activities */
                activities?: (number|Long|null);

                /** Erasure agents */
                agents?: ({ [k: string]: string }|null);

                /** Erasure digest */
                digest?: (Uint8Array|null);

                /** Erasure tombstoneSeq */
                tombstoneSeq?: (number|Long|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of an Erasure. */
            type $Shape = sworn.v1.Erasure.$Properties;

            /** Action enum. */
            enum Action {

                /** ACTION_UNSPECIFIED value */
                ACTION_UNSPECIFIED = 0,

                /** ACTION_PAYLOAD_ERASED value */
                ACTION_PAYLOAD_ERASED = 1,

                /** ACTION_ROWS_DROPPED value */
                ACTION_ROWS_DROPPED = 2,

                /** ACTION_COMPLETED value */
                ACTION_COMPLETED = 3
            }
        }

        /**
         * Properties of a Terminal.
         * @deprecated Use sworn.v1.Terminal.$Properties instead.
         */
        interface ITerminal extends sworn.v1.Terminal.$Properties {
        }

        /** Represents a Terminal. */
        class Terminal {

            /**
             * Constructs a new Terminal.
             * @param [properties] Properties to set
             */
            constructor(properties?: sworn.v1.Terminal.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Terminal terminalId. */
            terminalId: string;

            /** Terminal kind. */
            kind: string;

            /** Terminal name. */
            name: string;

            /** Terminal input. */
            input: Uint8Array;

            /** Terminal output. */
            output: Uint8Array;

            /** Terminal timing. */
            timing: string;

            /** Terminal columns. */
            columns: number;

            /** Terminal rows. */
            rows: number;

            /** Terminal inputBytes. */
            inputBytes: (number|Long);

            /** Terminal outputBytes. */
            outputBytes: (number|Long);

            /** Terminal cutBytes. */
            cutBytes: (number|Long);

            /** Terminal hiddenBytes. */
            hiddenBytes: (number|Long);

            /**
             * Encodes the specified Terminal message. Does not implicitly {@link sworn.v1.Terminal.verify|verify} messages.
             * @param message Terminal message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: sworn.v1.Terminal.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Terminal message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {sworn.v1.Terminal & sworn.v1.Terminal.$Shape} Terminal
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): sworn.v1.Terminal & sworn.v1.Terminal.$Shape;
        }

        namespace Terminal {

            /** Properties of a Terminal. */
            interface $Properties {

                /** Terminal terminalId */
                terminalId?: (string|null);

                /** Terminal kind */
                kind?: (string|null);

                /** Terminal name */
                name?: (string|null);

                /** Terminal input */
                input?: (Uint8Array|null);

                /** Terminal output */
                output?: (Uint8Array|null);

                /** Terminal timing */
                timing?: (string|null);

                /** Terminal columns */
                columns?: (number|null);

                /** Terminal rows */
                rows?: (number|null);

                /** Terminal inputBytes */
                inputBytes?: (number|Long|null);

                /** Terminal outputBytes */
                outputBytes?: (number|Long|null);

                /** Terminal cutBytes */
                cutBytes?: (number|Long|null);

                /** Terminal hiddenBytes */
                hiddenBytes?: (number|Long|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a Terminal. */
            type $Shape = sworn.v1.Terminal.$Properties;
        }

        /**
         * Properties of a Delivery.
         * @deprecated Use sworn.v1.Delivery.$Properties instead.
         */
        interface IDelivery extends sworn.v1.Delivery.$Properties {
        }

        /** Represents a Delivery. */
        class Delivery {

            /**
             * Constructs a new Delivery.
             * @param [properties] Properties to set
             */
            constructor(properties?: sworn.v1.Delivery.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Delivery hello. */
            hello?: (sworn.v1.Hello.$Properties|null);

            /** Delivery batch. */
            batch?: (sworn.v1.Batch.$Properties|null);

            /** Delivery checkpoint. */
            checkpoint?: (sworn.v1.Checkpoint.$Properties|null);

            /** Delivery message. */
            message?: ("hello"|"batch"|"checkpoint");

            /**
             * Encodes the specified Delivery message. Does not implicitly {@link sworn.v1.Delivery.verify|verify} messages.
             * @param message Delivery message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: sworn.v1.Delivery.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Delivery message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {sworn.v1.Delivery & sworn.v1.Delivery.$Shape} Delivery
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): sworn.v1.Delivery & sworn.v1.Delivery.$Shape;
        }

        namespace Delivery {

            /** Properties of a Delivery. */
            interface $Properties {

                /** Delivery hello */
                hello?: (sworn.v1.Hello.$Properties|null);

                /** Delivery batch */
                batch?: (sworn.v1.Batch.$Properties|null);

                /** Delivery checkpoint */
                checkpoint?: (sworn.v1.Checkpoint.$Properties|null);

                /** Delivery message */
                message?: ("hello"|"batch"|"checkpoint");

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Narrowed shape of a Delivery. */
            type $Shape = {
              hello?: sworn.v1.Hello.$Shape|null;
              batch?: sworn.v1.Batch.$Shape|null;
              checkpoint?: sworn.v1.Checkpoint.$Shape|null;
              $unknowns?: Uint8Array[];
            } & (
              ({ message?: undefined; hello?: null; batch?: null; checkpoint?: null }|{ message?: "hello"; hello: sworn.v1.Hello.$Shape; batch?: null; checkpoint?: null }|{ message?: "batch"; hello?: null; batch: sworn.v1.Batch.$Shape; checkpoint?: null }|{ message?: "checkpoint"; hello?: null; batch?: null; checkpoint: sworn.v1.Checkpoint.$Shape })
            );
        }

        /**
         * Properties of a Hello.
         * @deprecated Use sworn.v1.Hello.$Properties instead.
         */
        interface IHello extends sworn.v1.Hello.$Properties {
        }

        /** Represents a Hello. */
        class Hello {

            /**
             * Constructs a new Hello.
             * @param [properties] Properties to set
             */
            constructor(properties?: sworn.v1.Hello.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Hello agentId. */
            agentId: string;

            /** Hello host. */
            host: string;

            /** Hello version. */
            version: string;

            /** Hello bootId. */
            bootId: string;

            /** Hello kernel. */
            kernel: string;

            /** Hello firstSeq. */
            firstSeq: (number|Long);

            /** Hello lastSeq. */
            lastSeq: (number|Long);

            /** Hello sealKey. */
            sealKey: string;

            /** Hello checkpoint. */
            checkpoint: string;

            /** Hello treeSize. */
            treeSize: (number|Long);

            /** Hello treeSubtrees. */
            treeSubtrees: Uint8Array[];

            /**
             * Encodes the specified Hello message. Does not implicitly {@link sworn.v1.Hello.verify|verify} messages.
             * @param message Hello message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: sworn.v1.Hello.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Hello message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {sworn.v1.Hello & sworn.v1.Hello.$Shape} Hello
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): sworn.v1.Hello & sworn.v1.Hello.$Shape;
        }

        namespace Hello {

            /** Properties of a Hello. */
            interface $Properties {

                /** Hello agentId */
                agentId?: (string|null);

                /** Hello host */
                host?: (string|null);

                /** Hello version */
                version?: (string|null);

                /** Hello bootId */
                bootId?: (string|null);

                /** Hello kernel */
                kernel?: (string|null);

                /** Hello firstSeq */
                firstSeq?: (number|Long|null);

                /** Hello lastSeq */
                lastSeq?: (number|Long|null);

                /** Hello sealKey */
                sealKey?: (string|null);

                /** Hello checkpoint */
                checkpoint?: (string|null);

                /** Hello treeSize */
                treeSize?: (number|Long|null);

                /** Hello treeSubtrees */
                treeSubtrees?: (Uint8Array[]|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a Hello. */
            type $Shape = sworn.v1.Hello.$Properties;
        }

        /**
         * Properties of a Checkpoint.
         * @deprecated Use sworn.v1.Checkpoint.$Properties instead.
         */
        interface ICheckpoint extends sworn.v1.Checkpoint.$Properties {
        }

        /** Represents a Checkpoint. */
        class Checkpoint {

            /**
             * Constructs a new Checkpoint.
             * @param [properties] Properties to set
             */
            constructor(properties?: sworn.v1.Checkpoint.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Checkpoint note. */
            note: string;

            /**
             * Encodes the specified Checkpoint message. Does not implicitly {@link sworn.v1.Checkpoint.verify|verify} messages.
             * @param message Checkpoint message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: sworn.v1.Checkpoint.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Checkpoint message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {sworn.v1.Checkpoint & sworn.v1.Checkpoint.$Shape} Checkpoint
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): sworn.v1.Checkpoint & sworn.v1.Checkpoint.$Shape;
        }

        namespace Checkpoint {

            /** Properties of a Checkpoint. */
            interface $Properties {

                /** Checkpoint note */
                note?: (string|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a Checkpoint. */
            type $Shape = sworn.v1.Checkpoint.$Properties;
        }

        /**
         * Properties of a Batch.
         * @deprecated Use sworn.v1.Batch.$Properties instead.
         */
        interface IBatch extends sworn.v1.Batch.$Properties {
        }

        /** Represents a Batch. */
        class Batch {

            /**
             * Constructs a new Batch.
             * @param [properties] Properties to set
             */
            constructor(properties?: sworn.v1.Batch.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Batch firstSeq. */
            firstSeq: (number|Long);

            /** Batch count. */
            count: number;

            /** Batch activitiesZstd. */
            activitiesZstd: Uint8Array;

            /** Batch uncompressedBytes. */
            uncompressedBytes: number;

            /**
             * Encodes the specified Batch message. Does not implicitly {@link sworn.v1.Batch.verify|verify} messages.
             * @param message Batch message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: sworn.v1.Batch.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Batch message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {sworn.v1.Batch & sworn.v1.Batch.$Shape} Batch
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): sworn.v1.Batch & sworn.v1.Batch.$Shape;
        }

        namespace Batch {

            /** Properties of a Batch. */
            interface $Properties {

                /** Batch firstSeq */
                firstSeq?: (number|Long|null);

                /** Batch count */
                count?: (number|null);

                /** Batch activitiesZstd */
                activitiesZstd?: (Uint8Array|null);

                /** Batch uncompressedBytes */
                uncompressedBytes?: (number|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a Batch. */
            type $Shape = sworn.v1.Batch.$Properties;
        }

        /**
         * Properties of a Receipt.
         * @deprecated Use sworn.v1.Receipt.$Properties instead.
         */
        interface IReceipt extends sworn.v1.Receipt.$Properties {
        }

        /** Represents a Receipt. */
        class Receipt {

            /**
             * Constructs a new Receipt.
             * @param [properties] Properties to set
             */
            constructor(properties?: sworn.v1.Receipt.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Receipt welcome. */
            welcome?: (sworn.v1.Welcome.$Properties|null);

            /** Receipt stored. */
            stored?: (sworn.v1.Stored.$Properties|null);

            /** Receipt refused. */
            refused?: (sworn.v1.Refused.$Properties|null);

            /** Receipt cosigned. */
            cosigned?: (sworn.v1.Cosigned.$Properties|null);

            /** Receipt message. */
            message?: ("welcome"|"stored"|"refused"|"cosigned");

            /**
             * Encodes the specified Receipt message. Does not implicitly {@link sworn.v1.Receipt.verify|verify} messages.
             * @param message Receipt message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: sworn.v1.Receipt.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Receipt message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {sworn.v1.Receipt & sworn.v1.Receipt.$Shape} Receipt
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): sworn.v1.Receipt & sworn.v1.Receipt.$Shape;
        }

        namespace Receipt {

            /** Properties of a Receipt. */
            interface $Properties {

                /** Receipt welcome */
                welcome?: (sworn.v1.Welcome.$Properties|null);

                /** Receipt stored */
                stored?: (sworn.v1.Stored.$Properties|null);

                /** Receipt refused */
                refused?: (sworn.v1.Refused.$Properties|null);

                /** Receipt cosigned */
                cosigned?: (sworn.v1.Cosigned.$Properties|null);

                /** Receipt message */
                message?: ("welcome"|"stored"|"refused"|"cosigned");

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Narrowed shape of a Receipt. */
            type $Shape = {
              welcome?: sworn.v1.Welcome.$Shape|null;
              stored?: sworn.v1.Stored.$Shape|null;
              refused?: sworn.v1.Refused.$Shape|null;
              cosigned?: sworn.v1.Cosigned.$Shape|null;
              $unknowns?: Uint8Array[];
            } & (
              ({ message?: undefined; welcome?: null; stored?: null; refused?: null; cosigned?: null }|{ message?: "welcome"; welcome: sworn.v1.Welcome.$Shape; stored?: null; refused?: null; cosigned?: null }|{ message?: "stored"; welcome?: null; stored: sworn.v1.Stored.$Shape; refused?: null; cosigned?: null }|{ message?: "refused"; welcome?: null; stored?: null; refused: sworn.v1.Refused.$Shape; cosigned?: null }|{ message?: "cosigned"; welcome?: null; stored?: null; refused?: null; cosigned: sworn.v1.Cosigned.$Shape })
            );
        }

        /**
         * Properties of a Welcome.
         * @deprecated Use sworn.v1.Welcome.$Properties instead.
         */
        interface IWelcome extends sworn.v1.Welcome.$Properties {
        }

        /** Represents a Welcome. */
        class Welcome {

            /**
             * Constructs a new Welcome.
             * @param [properties] Properties to set
             */
            constructor(properties?: sworn.v1.Welcome.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Welcome storedSeq. */
            storedSeq: (number|Long);

            /** Welcome batchBytesMax. */
            batchBytesMax: number;

            /** Welcome sealKey. */
            sealKey: string;

            /** Welcome treeSubtrees. */
            treeSubtrees: Uint8Array[];

            /**
             * Encodes the specified Welcome message. Does not implicitly {@link sworn.v1.Welcome.verify|verify} messages.
             * @param message Welcome message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: sworn.v1.Welcome.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Welcome message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {sworn.v1.Welcome & sworn.v1.Welcome.$Shape} Welcome
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): sworn.v1.Welcome & sworn.v1.Welcome.$Shape;
        }

        namespace Welcome {

            /** Properties of a Welcome. */
            interface $Properties {

                /** Welcome storedSeq */
                storedSeq?: (number|Long|null);

                /** Welcome batchBytesMax */
                batchBytesMax?: (number|null);

                /** Welcome sealKey */
                sealKey?: (string|null);

                /** Welcome treeSubtrees */
                treeSubtrees?: (Uint8Array[]|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a Welcome. */
            type $Shape = sworn.v1.Welcome.$Properties;
        }

        /**
         * Properties of a Cosigned.
         * @deprecated Use sworn.v1.Cosigned.$Properties instead.
         */
        interface ICosigned extends sworn.v1.Cosigned.$Properties {
        }

        /** Represents a Cosigned. */
        class Cosigned {

            /**
             * Constructs a new Cosigned.
             * @param [properties] Properties to set
             */
            constructor(properties?: sworn.v1.Cosigned.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Cosigned note. */
            note: string;

            /**
             * Encodes the specified Cosigned message. Does not implicitly {@link sworn.v1.Cosigned.verify|verify} messages.
             * @param message Cosigned message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: sworn.v1.Cosigned.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Cosigned message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {sworn.v1.Cosigned & sworn.v1.Cosigned.$Shape} Cosigned
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): sworn.v1.Cosigned & sworn.v1.Cosigned.$Shape;
        }

        namespace Cosigned {

            /** Properties of a Cosigned. */
            interface $Properties {

                /** Cosigned note */
                note?: (string|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a Cosigned. */
            type $Shape = sworn.v1.Cosigned.$Properties;
        }

        /**
         * Properties of a Stored.
         * @deprecated Use sworn.v1.Stored.$Properties instead.
         */
        interface IStored extends sworn.v1.Stored.$Properties {
        }

        /** Represents a Stored. */
        class Stored {

            /**
             * Constructs a new Stored.
             * @param [properties] Properties to set
             */
            constructor(properties?: sworn.v1.Stored.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Stored seq. */
            seq: (number|Long);

            /**
             * Encodes the specified Stored message. Does not implicitly {@link sworn.v1.Stored.verify|verify} messages.
             * @param message Stored message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: sworn.v1.Stored.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Stored message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {sworn.v1.Stored & sworn.v1.Stored.$Shape} Stored
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): sworn.v1.Stored & sworn.v1.Stored.$Shape;
        }

        namespace Stored {

            /** Properties of a Stored. */
            interface $Properties {

                /** Stored seq */
                seq?: (number|Long|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a Stored. */
            type $Shape = sworn.v1.Stored.$Properties;
        }

        /**
         * Properties of a Refused.
         * @deprecated Use sworn.v1.Refused.$Properties instead.
         */
        interface IRefused extends sworn.v1.Refused.$Properties {
        }

        /** Represents a Refused. */
        class Refused {

            /**
             * Constructs a new Refused.
             * @param [properties] Properties to set
             */
            constructor(properties?: sworn.v1.Refused.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Refused code. */
            code: string;

            /** Refused message. */
            message: string;

            /** Refused retry. */
            retry: boolean;

            /**
             * Encodes the specified Refused message. Does not implicitly {@link sworn.v1.Refused.verify|verify} messages.
             * @param message Refused message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: sworn.v1.Refused.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Refused message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {sworn.v1.Refused & sworn.v1.Refused.$Shape} Refused
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): sworn.v1.Refused & sworn.v1.Refused.$Shape;
        }

        namespace Refused {

            /** Properties of a Refused. */
            interface $Properties {

                /** Refused code */
                code?: (string|null);

                /** Refused message */
                message?: (string|null);

                /** Refused retry */
                retry?: (boolean|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a Refused. */
            type $Shape = sworn.v1.Refused.$Properties;
        }
    }
}
