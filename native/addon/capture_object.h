/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SWORN_ADDON_CAPTURE_OBJECT_H
#define SWORN_ADDON_CAPTURE_OBJECT_H

#include <napi.h>

#include <memory>

#include "reader.h"

namespace sworn {

/**
 * The loader as a JavaScript class: checks arguments, translates errors, owns lifetimes. What it does is described in
 * agent/source/ebpf/addon.ts.
 */
class CaptureObject : public Napi::ObjectWrap<CaptureObject> {
 public:
  static Napi::Function Define(Napi::Env env);

  explicit CaptureObject(const Napi::CallbackInfo& info);
  ~CaptureObject() override;

 private:
  void Start(const Napi::CallbackInfo& info);
  void Stop(const Napi::CallbackInfo& info);
  Napi::Value Drain(const Napi::CallbackInfo& info);
  void Close(const Napi::CallbackInfo& info);
  void Select(const Napi::CallbackInfo& info);
  void Unselect(const Napi::CallbackInfo& info);
  void Watch(const Napi::CallbackInfo& info);
  void Await(const Napi::CallbackInfo& info);
  Napi::Value Unwatch(const Napi::CallbackInfo& info);
  void Scan(const Napi::CallbackInfo& info);
  void ScanWays(const Napi::CallbackInfo& info);
  Napi::Value Counters(const Napi::CallbackInfo& info);
  void SetBrokerPorts(const Napi::CallbackInfo& info);
  void RedirectImds(const Napi::CallbackInfo& info);
  Napi::Value ProcessOf(const Napi::CallbackInfo& info);
  Napi::Value CallerOf(const Napi::CallbackInfo& info);
  void Skip(const Napi::CallbackInfo& info);
  void Unskip(const Napi::CallbackInfo& info);
  Napi::Value TakeLateCloses(const Napi::CallbackInfo& info);
  Napi::Value Rows(const Napi::CallbackInfo& info);
  Napi::Value TakeRow(const Napi::CallbackInfo& info);
  Napi::Value AttachProbe(const Napi::CallbackInfo& info);
  void DetachProbe(const Napi::CallbackInfo& info);
  Napi::Value Probes(const Napi::CallbackInfo& info);
  Napi::Value TakeSecret(const Napi::CallbackInfo& info);
  void SetCanary(const Napi::CallbackInfo& info);
  void SetImageKnown(const Napi::CallbackInfo& info);
  void SettleImages(const Napi::CallbackInfo& info);
  void ReadStreams(const Napi::CallbackInfo& info);
  void SetHoldMs(const Napi::CallbackInfo& info);
  void GuardSelf(const Napi::CallbackInfo& info);
  void RefuseActs(const Napi::CallbackInfo& info);
  void GuardFiles(const Napi::CallbackInfo& info);
  Napi::Value Programs(const Napi::CallbackInfo& info);
  Napi::Value RingUse(const Napi::CallbackInfo& info);

  sworn_capture* Opened(Napi::Env env);
  void StopNow();
  void CloseNow();

  sworn_capture* capture_ = nullptr;
  std::shared_ptr<Batches> batches_;
  std::unique_ptr<Reader> reader_;
};

}  // namespace sworn

#endif
